
"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const { study, tasks, pictures } = JSON.parse(find("questions").textContent);
  const { page, key } = document.body.dataset;
  const PLACE = `answers ${page}`;
  const SETTLE_MS = 250; // a second stroke of a key answers no task that nobody has seen

  // SHA-256 (FIPS 180-4): browsers offer theirs to some pages from disk only.
  const PRIMES = [];
  for (let number = 2; PRIMES.length < 64; number++) {
    if (PRIMES.every((prime) => number % prime)) PRIMES.push(number);
  }
  const fraction = (value) => Math.floor((value - Math.floor(value)) * 2 ** 32);
  const ROUNDS = PRIMES.map((prime) => fraction(Math.cbrt(prime)));
  const FIRST = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
  const turn = (word, by) => (word >>> by) | (word << (32 - by));

  function sha256(text) {
    const bytes = new TextEncoder().encode(text);
    const padded = new Uint8Array(((bytes.length + 72) >> 6) << 6);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
    view.setUint32(padded.length - 4, bytes.length << 3);
    const state = Uint32Array.from(FIRST);
    const words = new Uint32Array(64);
    for (let start = 0; start < padded.length; start += 64) {
      for (let i = 0; i < 64; i++) {
        if (i < 16) {
          words[i] = view.getUint32(start + 4 * i);
          continue;
        }
        const [early, late] = [words[i - 15], words[i - 2]];
        const low = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
        const high = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
        words[i] = words[i - 16] + low + words[i - 7] + high;
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const mixed = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
        const one = (h + mixed + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) >>> 0;
        const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) >>> 0, c, b, a, (one + two) >>> 0];
      }
      [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
    }
    return Array.from(state, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  function shuffled(names, ...stream) {
    const place = new Map(names.map((name) => [name, sha256([...stream, name].join(" "))]));
    return [...names].sort((one, other) => (place.get(one) < place.get(other) ? -1 : 1));
  }

  // What this browser remembers of the annotator; a page that may keep nothing works without.
  let remembers = true;
  function recall() {
    try {
      const held = JSON.parse(localStorage.getItem(PLACE));
      localStorage.setItem(PLACE, JSON.stringify(held));
      return held?.annotator && Array.isArray(held.answers) ? held : null;
    } catch {
      remembers = false;
      return null;
    }
  }
  function remember() {
    try {
      localStorage.setItem(PLACE, JSON.stringify(state));
    } catch {
      remembers = false;
    }
    find("forgetful").hidden = remembers;
  }
  function somebody() {
    const drawn = crypto.getRandomValues(new Uint8Array(8));
    const annotator = Array.from(drawn, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { annotator, answers: [] };
  }

  let state = recall() ?? somebody();
  const byName = new Map(tasks.map((task) => [task.name, task]));
  let order = [];
  let shown = null; // the task on the screen: its name, the options as they stand, since when

  function picture(name, alt) {
    const image = new Image();
    image.alt = alt;
    image.src = `data:image/jpeg;base64,${pictures[name]}`;
    return image;
  }

  function show(section) {
    for (const id of ["start", "asking", "end"]) find(id).hidden = id !== section;
    find("saving").hidden = state.answers.length === 0;
    find("another").hidden = section !== "end";
  }

  function welcome() {
    shown = null;
    remember();
    order = shuffled([...byName.keys()], page, state.annotator);
    const done = state.answers.length;
    find("begin").textContent = done ? "Go on" : "Begin";
    find("so-far").textContent = done ? `${done} of ${order.length} are answered` : "";
    find("saved").textContent = "";
    show(done < order.length ? "start" : "end");
  }

  function ask() {
    const done = state.answers.length;
    if (done === order.length) {
      shown = null;
      show("end");
      return;
    }
    const task = byName.get(order[done]);
    const options = shuffled(task.options, page, state.annotator, task.name);
    const now = { task: task.name, options, since: Infinity };
    shown = now;
    find("progress").max = order.length;
    find("progress").value = done;
    find("count").textContent = `${done + 1} of ${order.length}`;
    const examples = task.examples.map((name, place) =>
      picture(name, `The person, photograph ${place + 1}`),
    );
    const buttons = options.map((name, place) => {
      const button = document.createElement("button");
      const number = document.createElement("span");
      number.textContent = place + 1;
      button.type = "button";
      button.setAttribute("aria-label", `Option ${place + 1}`);
      button.append(number, picture(name, "")); // the button has the name
      button.addEventListener("click", () => answer(place + 1));
      return button;
    });
    find("examples").replaceChildren(...examples);
    find("options").replaceChildren(...buttons);
    show("asking");
    const images = find("asking").querySelectorAll("img");
    Promise.allSettled(Array.from(images, (image) => image.decode())).then(() => {
      now.since = performance.now();
    });
  }

  function answer(position) {
    const took = shown ? performance.now() - shown.since : -Infinity;
    if (took < SETTLE_MS) return;
    state.answers.push({
      task: shown.task,
      shown: shown.options,
      position,
      ms: Math.round(took),
      at: new Date().toISOString(),
      width: window.innerWidth,
    });
    find("saved").textContent = "";
    remember();
    ask();
  }

  function save() {
    const { annotator, answers } = state;
    const lines = answers.map((one) =>
      [one.task, ...one.shown, one.position, one.ms, one.at, one.width].join(" "),
    );
    const digest = sha256(["answers", 1, study, page, key, annotator, ...lines].join("\n"));
    const whole = { format: "answers", version: 1, study, page, key, annotator, answers, digest };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${JSON.stringify(whole, null, 1)}\n`]));
    link.download = `${study}-${annotator}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    find("saved").textContent = `Saved as ${link.download}, among your downloads.`;
  }

  find("begin").addEventListener("click", ask);
  find("save").addEventListener("click", save);
  find("next-person").addEventListener("click", () => {
    if (confirm("Are the answers saved? This page forgets them now.")) {
      state = somebody();
      welcome();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (["1", "2", "3"].includes(event.key)) answer(Number(event.key));
  });
  // The same page in another tab: both go on from what was answered last.
  window.addEventListener("storage", (event) => {
    if (event.key === PLACE) location.reload();
  });
  welcome();
})();
