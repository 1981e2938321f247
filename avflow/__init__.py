"""What each stage of the workflow does to a video: media, models and S3, nothing of Lambda, Batch or Step Functions."""
