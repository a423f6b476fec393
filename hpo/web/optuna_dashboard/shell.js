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
    if (ours && answer.status === 401) {
      location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    } else if (ours && changes && answer.status >= 400) {
      answer.clone().json().then(({ reason }) => tell(reason), () => {});
    }
    return answer;
  };

  const bar = document.createElement("nav");
  const told = document.createElement("span");
  let later;

  function tell(reason) {
    told.textContent = reason ?? "";
    clearTimeout(later);
    later = setTimeout(() => { told.textContent = ""; }, 15000);
  }

  function build() {
    bar.setAttribute("aria-label", "hpo");
    Object.assign(bar.style, {
      position: "fixed", left: "50%", bottom: "0.5rem", transform: "translateX(-50%)", zIndex: 2000, display: "flex",
      gap: "0.75rem", alignItems: "center", maxWidth: "calc(100vw - 1rem)", padding: "0.3rem 0.8rem",
      font: "14px/1.4 system-ui, sans-serif", color: "#ffffff", background: "#1f2328", borderRadius: "6px",
      boxShadow: "0 1px 6px rgba(0, 0, 0, 0.4)",
    });
    const back = document.createElement("a");
    back.href = "/";
    back.textContent = "← hpo";
    back.title = "the overview of every study";
    Object.assign(back.style, { color: "#8fd0ff", whiteSpace: "nowrap" });
    bar.append(back);
    if (user) {
      const who = document.createElement("span");
      who.textContent = writes ? user : `${user}, looking only`;
      const out = document.createElement("form");
      out.method = "post";
      out.action = "/logout";
      Object.assign(out.style, { margin: 0 });
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "csrf_token", value: token });
      const button = document.createElement("button");
      button.textContent = "Log out";
      Object.assign(button.style, {
        font: "inherit", color: "inherit", background: "none", border: 0, padding: 0, cursor: "pointer",
        textDecoration: "underline", whiteSpace: "nowrap",
      });
      out.append(field, button);
      bar.append(who, out);
    }
    told.setAttribute("role", "status");
    Object.assign(told.style, { color: "#ffd08f" });
    bar.append(told);
    document.body.append(bar);
  }

  document.addEventListener("DOMContentLoaded", build);
})();
