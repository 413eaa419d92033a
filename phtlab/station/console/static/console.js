// What the console's pages do by themselves, besides htmx: they say when the console is away.
const notice = document.getElementById("away");
document.addEventListener("htmx:sse:error", () => { notice.hidden = false; });
document.addEventListener("htmx:sse:after:connection", () => { notice.hidden = true; });
