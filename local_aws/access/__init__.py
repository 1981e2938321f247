"""Who may call: access keys, and the signatures of requests that are made with them."""
