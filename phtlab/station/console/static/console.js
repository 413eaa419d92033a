// What the console's pages do by themselves, besides htmx.
const notice = document.getElementById("away");
document.addEventListener("htmx:sse:error", (event) => {
  // The login is over: the page, loaded again, says how to log in.
  if (event.detail.status === 401) location.reload();
  else notice.hidden = false;
});
document.addEventListener("htmx:sse:after:connection", () => { notice.hidden = true; });
