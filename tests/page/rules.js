// Rules of reading, each a function that returns what breaks it; evaluated in the page by test_browser_reading.py.

({
  // Controls without a name.
  nameless: () => {
    const name = (one) => (one.getAttribute("aria-label") ?? "").trim()
      || (one.labels?.length && [...one.labels].map((label) => label.textContent).join("").trim())
      || one.textContent.trim() || (one.getAttribute("title") ?? "").trim();
    return [...document.querySelectorAll("button, a[href], input, select, textarea, summary, [role=button], [tabindex]")]
      .filter((one) => one.checkVisibility() && one.id !== "main" && !name(one))
      .map((one) => one.outerHTML.slice(0, 160));
  },

  // Roles, ids, references, pictures and tables that tell a screen reader nothing.
  roles: () => {
    const faults = [];
    const shown = (one) => one.checkVisibility();
    for (const one of document.querySelectorAll("[role=img], canvas, svg"))
      if (shown(one) && !one.closest("[aria-hidden=true], [role=img][aria-label], [data-icon]") && !one.getAttribute("aria-label"))
        faults.push(`no words for ${one.outerHTML.slice(0, 120)}`);
    for (const one of document.querySelectorAll("[aria-hidden=true]"))
      if (one.matches("button, a, input, select, [tabindex='0']") || one.querySelector("button, a[href], input, select, [tabindex='0']"))
        faults.push(`focus in what is hidden: ${one.outerHTML.slice(0, 120)}`);
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
    for (const id of ids) if (ids.filter((other) => other === id).length > 1) faults.push(`two with the id ${id}`);
    for (const one of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls], label[for], output[for]"))
      for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for"])
        for (const id of (one.getAttribute(attribute) ?? "").split(" ").filter(Boolean))
          if (!document.getElementById(id)) faults.push(`${attribute} of nothing: ${id}`);
    for (const table of document.querySelectorAll("table"))
      if (shown(table) && table.tHead && [...table.tHead.querySelectorAll("th")].some((one) => !one.scope)) faults.push("a head without scope");
    const known = new Set(["img", "group", "status", "alert", "button", "dialog", "region", "list", "listitem", "note", "tooltip",
      "option", "listbox", "progressbar", "toolbar", "presentation", "none", "radiogroup", "radio", "switch", "search", "row", "grid",
      "gridcell", "tab", "tablist", "tabpanel", "separator", "log", "meter"]);
    for (const one of document.querySelectorAll("[role]")) if (!known.has(one.getAttribute("role"))) faults.push(`role ${one.getAttribute("role")}`);
    return faults;
  },

  // The levels of the headings that are shown.
  headings: () => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((one) => one.checkVisibility())
    .map((one) => Number(one.tagName[1])),

  // Texts that do not stand out: 4.5, large ones and signs 3; by the colours as they were computed.
  contrast: () => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const ctx = canvas.getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
      ctx.clearRect(0, 0, 1, 1);
      ctx.fillStyle = colour;
      ctx.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = ctx.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (top, under) => top.slice(0, 3).map((value, i) => value * top[3] + under[i] * (1 - top[3]));
    const behind = (element) => {
      const layers = [];
      for (let one = element; one; one = one.parentElement) {
        const style = getComputedStyle(one);
        if (style.backgroundImage !== "none" && !style.backgroundImage.includes("gradient")) return null;
        layers.push(rgba(style.backgroundColor));
        if (layers.at(-1)[3] === 1) break;
      }
      return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
    };
    const light = (rgb) => {
      const [r, g, b] = rgb.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faint = (element) => {
      for (let one = element; one; one = one.parentElement) {
        if (Number(getComputedStyle(one).opacity) < 1 || one.matches(":disabled, .away")) return true;
      }
      return false;
    };
    const found = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest("script, style, noscript, option, select")) continue;
      if (faint(element)) continue;
      const under = behind(element);
      if (!under) continue;
      const style = getComputedStyle(element);
      const ink = over(rgba(style.color), under);
      const [high, low] = [light(ink), light(under)].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
      // The sign in a cell says again what its colour says; it is held to what holds for pictures.
      const least = large || element.closest("[aria-hidden=true]") ? 3 : 4.5;
      if (ratio < least - 0.01) found.set(`${element.tagName}.${element.className}: ${ratio.toFixed(2)} ${style.color}`, element.textContent.slice(0, 40));
    }
    return [...found];
  },
})
