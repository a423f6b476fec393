"use strict";
// Keeps a page up to date: asks the server for its parts and changes what differs, in place, so that nothing a reader
// has focused, selected, opened or scrolled to is lost. Without this script the page is the one of its loading.
(() => {
  const main = document.querySelector("[data-live]");
  const away = document.getElementById("away"); // what keeps the page from being up to date
  const said = document.getElementById("said"); // what became of the last button pressed
  const SOONEST = 2000; // ms between two questions while something goes on; the server says how long
  const PATIENCE = 20000; // ms for one answer
  const LONGEST = 15000; // ms between two questions to a server that is away
  let etag = null;
  let ahead = 0; // ms by which the server's clock is ahead of this one
  let wait = SOONEST;
  let pending = 0;
  let asking = null;
  let lastSeen = Date.now();

  // --- changing what differs ---

  const fits = (old, wanted) =>
    old.nodeType === wanted.nodeType && old.nodeName === wanted.nodeName && (old.id ?? "") === (wanted.id ?? "");

  const morphed = (old, wanted) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== wanted.data) old.data = wanted.data;
      return;
    }
    for (const { name, value } of wanted.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes])
      if (!wanted.hasAttribute(name) && name !== "open" && name !== "disabled") old.removeAttribute(name);
    children(old, wanted);
  };

  const children = (old, wanted) => {
    let at = old.firstChild;
    for (const child of [...wanted.childNodes]) {
      let match = at && fits(at, child) ? at : null;
      if (!match && child.id) match = [...old.children].find((one) => fits(one, child)) ?? null;
      if (!match) {
        old.insertBefore(child, at);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morphed(match, child);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  const put = (parts) => {
    const focused = document.activeElement;
    for (const [id, html] of Object.entries(parts)) {
      const place = document.getElementById(id);
      if (!place) continue;
      const wanted = document.createElement("template");
      wanted.innerHTML = html;
      children(place, wanted.content);
    }
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    else if (focused?.id && !focused.isConnected)
      document.getElementById(focused.id.replace(/^(stop|resume)-/, (word) => (word === "stop-" ? "resume-" : "stop-")))?.focus({ preventScroll: true });
    ages();
  };

  // --- how long ago ---

  const ago = (seconds) => {
    if (seconds < 5) return "just now";
    if (seconds < 90) return `${Math.floor(seconds)} s ago`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h ago`;
    return `${Math.round(seconds / 86400)} days ago`;
  };

  const ages = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const then = new Date(time.dateTime);
      const words = ago((Date.now() + ahead - then.getTime()) / 1000);
      if (time.textContent !== words) time.textContent = words;
      const whole = then.toLocaleString();
      if (time.title !== whole) time.title = whole;
    }
  };

  // --- asking ---

  const say = (text, link) => {
    if (!text) return void (away.hidden = true);
    if (away.dataset.text !== text) { // a screen reader hears it once
      away.textContent = text;
      away.dataset.text = text;
      if (link) {
        const anchor = document.createElement("a");
        anchor.href = link;
        anchor.textContent = "Log in again";
        away.append(" ", anchor);
      }
    }
    away.hidden = false;
  };

  const refused = (text) => {
    said.textContent = text;
    said.hidden = !text;
  };

  const clockOf = (response) => {
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (!Number.isNaN(date) && Math.abs(date - Date.now()) > 2000) ahead = date - Date.now();
    else ahead = 0;
  };

  const loggedOut = (response) => response.type === "opaqueredirect" || response.status === 401;

  const out = () => {
    const here = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    say("You are logged out, so this page does not change any more.", here);
    wait = LONGEST;
  };

  const gone = (why) => {
    const since = new Date(lastSeen).toLocaleTimeString();
    say(`${why} What you see is as it was at ${since}; asking again.`);
    wait = main.dataset.away ? Math.min(wait * 1.5, LONGEST) : SOONEST;
    main.dataset.away = "yes";
  };

  const ask = async () => {
    const headers = { Accept: "application/json" };
    if (etag) headers["If-None-Match"] = etag;
    asking?.abort();
    const mine = (asking = new AbortController());
    const limit = setTimeout(() => mine.abort(), PATIENCE);
    try {
      const response = await fetch(main.dataset.live, { headers, redirect: "manual", cache: "no-store", signal: mine.signal });
      if (loggedOut(response)) return out();
      if (response.status === 404) {
        say("It is not there any more: somebody has deleted it.");
        wait = LONGEST;
        return;
      }
      if (response.status !== 200 && response.status !== 304) {
        const why = response.status === 503 ? (await response.json()).reason : "";
        return gone(why ? `${why}.` : `The server answers with an error (${response.status}).`);
      }
      clockOf(response);
      if (response.status === 200) {
        const told = await response.json();
        if (mine !== asking) return;
        etag = response.headers.get("ETag");
        wait = told.wait * 1000;
        put(told.parts);
      } else if (main.dataset.away) wait = SOONEST;
      lastSeen = Date.now();
      delete main.dataset.away;
      say("");
    } catch (error) {
      if (mine === asking) gone("The server cannot be reached."); // else a later question took the place of this one
    } finally {
      clearTimeout(limit);
    }
  };

  const round = async () => {
    clearTimeout(pending);
    pending = 0;
    if (document.hidden) return; // asks again when somebody looks
    await ask();
    main.dataset.asked = String(Number(main.dataset.asked ?? 0) + 1);
    clearTimeout(pending);
    pending = setTimeout(round, Math.max(wait, 500));
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) round();
  });
  addEventListener("online", round);

  // --- stopping and resuming, without leaving the page ---

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    const button = event.submitter;
    const body = new URLSearchParams(new FormData(form, button));
    if (button) button.disabled = true;
    refused("");
    try {
      const response = await fetch(form.action, { method: "POST", body, redirect: "manual", headers: { Accept: "application/json" } });
      if (loggedOut(response)) return out();
      if (!response.ok) {
        const told = await response.json().catch(() => ({}));
        return refused(told.reason ?? `That was refused (${response.status}).`);
      }
      await round();
      const why = form.querySelector("input[name=why]");
      if (why) why.value = "";
    } catch (error) {
      refused("The server cannot be reached: look whether it was done before you press again.");
    } finally {
      if (button) button.disabled = false;
    }
  });

  setInterval(ages, 1000);
  ages();
  round();
})();
