"use strict";
(() => {
  const { token, user, writes } = document.currentScript.dataset;
  const plain = window.fetch.bind(window);

  // Every change carries the session's token; what is refused is told, as optuna-dashboard does not tell why.
  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    const ours = new URL(request.url).origin === location.origin;
    const changes = !["GET", "HEAD"].includes(request.method);
    if (ours && changes && token) request.headers.set("X-CSRF-Token", token);
    const answer = await plain(request);
    follow().catch(() => {});
    if (ours && answer.status === 401) {
      location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    } else if (ours && changes && answer.status >= 400) {
      answer.clone().json().then(({ reason }) => tell(reason), () => {});
    }
    return answer;
  };

  const bar = document.createElement("nav");
  const here = document.createElement("a");
  const told = document.createElement("span");
  let later;
  let shown;

  // optuna-dashboard counts studies and changes its address without loading anew; our pages name them.
  async function follow() {
    const number = location.pathname.match(/^\/dashboard\/studies\/(\d+)/)?.[1];
    if (number === shown) return;
    shown = number;
    here.hidden = true;
    if (number === undefined) return;
    const { study_summaries: studies } = await (await plain("/api/studies")).json();
    const study = studies.find((one) => one.study_id === Number(number));
    const path = "/studies/" + segment(study.study_name);
    const page = await plain(path, { method: "HEAD" }); // a study that hpo did not make has none
    if (page.ok && shown === number) {
      here.href = path;
      here.hidden = false;
    }
  }

  // As our pages write a name in an address.
  function segment(name) {
    return encodeURIComponent(name).replace(/~/g, "%7E").replace(/%/g, "~").replace(/^\./, "~2E") || "~";
  }

  function tell(reason) {
    told.textContent = reason ?? "";
    clearTimeout(later);
    later = setTimeout(() => { told.textContent = ""; }, 15000);
  }

  function build() {
    const style = document.createElement("style");
    style.textContent = `
      #hpo { position: fixed; top: 14px; right: 16px; z-index: 2000; display: flex; gap: 12px; align-items: center;
        max-width: calc(100vw - 32px); padding: 5px 12px; font: 14px/1.6 system-ui, sans-serif; color: #ffffff;
        background: #1f2328; border-radius: 6px }
      #hpo a, #hpo button { color: #8fd0ff; white-space: nowrap }
      #hpo button { font: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-decoration: underline }
      #hpo form { margin: 0 }
      #hpo [role=status] { color: #ffd08f }
      #hpo [role=status]:empty { display: none }
      @media (max-width: 900px) { #hpo { top: auto; bottom: 8px } body { padding-bottom: 56px } }
    `;
    document.head.append(style);
    bar.id = "hpo";
    bar.setAttribute("aria-label", "hpo");
    const back = document.createElement("a");
    back.href = "/";
    back.textContent = "← hpo";
    back.title = "the overview of every study";
    here.textContent = "this study";
    here.title = "the study's own page: progress, workers, stop and resume";
    here.hidden = true;
    bar.append(back, here);
    if (user) {
      const who = document.createElement("span");
      who.textContent = writes ? user : `${user}, looking only`;
      const out = document.createElement("form");
      Object.assign(out, { method: "post", action: "/logout" });
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "csrf_token", value: token });
      const button = document.createElement("button");
      button.textContent = "Log out";
      out.append(field, button);
      bar.append(who, out);
    }
    told.setAttribute("role", "status");
    bar.append(told);
    document.body.append(bar);
  }

  document.addEventListener("DOMContentLoaded", build);
})();
