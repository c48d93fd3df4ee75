"use strict";
(() => {
  const chips = [...document.querySelectorAll("button.chip")];
  const cards = [...document.querySelectorAll(".card")];
  const seen = () => cards.filter((card) => !card.hidden);
  const show = (state) => {
    chips.forEach((chip) => {
      const on = chip.dataset.show === state;
      chip.classList.toggle("on", on);
      chip.setAttribute("aria-pressed", String(on));
    });
    cards.forEach((card) => { card.hidden = state !== "all" && card.dataset.state !== state; });
    document.querySelectorAll(".pair, .brief").forEach((box) => {
      box.hidden = !box.querySelector(".card:not([hidden]), .left-out");
    });
  };
  const move = (step) => {
    const all = seen();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement.closest ? document.activeElement.closest(".card") : null);
    const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + step));
    all[next].focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "center" });
  };
  chips.forEach((chip) => chip.addEventListener("click", () => show(chip.dataset.show)));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "j" || key === "arrowright") { move(1); event.preventDefault(); }
    else if (key === "k" || key === "arrowleft") { move(-1); event.preventDefault(); }
    else if (key === "enter" && event.target.classList.contains("card")) {
      const reveal = event.target.querySelector(".reveal");
      const more = event.target.querySelector(".more");
      const open = !more.open;
      if (reveal) reveal.open = open;
      more.open = open;
    } else if (/^[1-9]$/.test(key) && chips[Number(key) - 1]) show(chips[Number(key) - 1].dataset.show);
  });
})();
