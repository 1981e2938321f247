/* ---------------------------------------------------------------- start */
startHeader();
startDetails();
startSpeech();
startPlayer();
await startObjects();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
