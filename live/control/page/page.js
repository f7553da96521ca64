"use strict";
// Builds itself from the address space: what is a knob, its range and its words all come from there.
const watched = new Map(); // address -> function of its arguments
let socket = null;

// The token came in the address and is a cookie by now; nobody shall read it off this screen.
if (location.search) history.replaceState(null, "", location.pathname);

const bytes = (text) => {
  const raw = new TextEncoder().encode(text + "\0");
  const padded = new Uint8Array(Math.ceil(raw.length / 4) * 4);
  padded.set(raw);
  return padded;
};

function packet(address, args) {
  let tags = ",";
  const parts = [];
  for (const value of args) {
    if (typeof value === "boolean") {
      tags += value ? "T" : "F";
    } else if (typeof value === "string") {
      tags += "s";
      parts.push(bytes(value));
    } else {
      const whole = Number.isInteger(value) && Math.abs(value) < 2 ** 31;
      tags += whole ? "i" : "f";
      const view = new DataView(new ArrayBuffer(4));
      if (whole) view.setInt32(0, value);
      else view.setFloat32(0, value);
      parts.push(new Uint8Array(view.buffer));
    }
  }
  return new Blob([bytes(address), bytes(tags), ...parts]);
}

const numbers = { i: ["getInt32", 4], f: ["getFloat32", 4], h: ["getBigInt64", 8], d: ["getFloat64", 8] };

function message(buffer) {
  const view = new DataView(buffer);
  let place = 0;
  const word = () => {
    let end = place;
    while (view.getUint8(end)) end++;
    const text = new TextDecoder().decode(new Uint8Array(buffer, place, end - place));
    place = Math.ceil((end + 1) / 4) * 4;
    return text;
  };
  const address = word();
  const args = [...word().slice(1)].map((tag) => {
    if (tag === "T" || tag === "F") return tag === "T";
    if (tag === "s") return word();
    const [read, size] = numbers[tag];
    const value = Number(view[read](place));
    place += size;
    return value;
  });
  return [address, args];
}

function send(address, ...args) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(packet(address, args));
}

function made(kind, parent, properties = {}) {
  const element = Object.assign(document.createElement(kind), properties);
  parent.append(element);
  return element;
}

const id = (name) => document.getElementById(name);
// A number comes in 32 bits: six digits are what was told.
const shown = (value) => (typeof value === "number" ? String(Number(value.toPrecision(6))) : value);

function knob(node, parent) {
  const name = node.FULL_PATH.slice(1).replaceAll("/", ".");
  const range = node.RANGE && node.RANGE[0];
  if (!range && node.TYPE !== "T") return;
  const row = made("div", parent, { className: "knob", title: node.DESCRIPTION });
  const label = made("label", row, { textContent: name.split(".")[1].replaceAll("_", " "), htmlFor: name });
  label.dataset.address = node.FULL_PATH;
  if (node.ACCESS === 1) {
    row.classList.add("told");
    const told = made("output", row, { id: name });
    watched.set(node.FULL_PATH, ([value]) => (told.textContent = typeof value === "boolean" ? (value ? "on" : "off") : shown(value)));
  } else if (range && range.VALS) {
    const select = made("select", row, { id: name });
    for (const word of range.VALS) made("option", select, { textContent: word });
    select.onchange = () => send(node.FULL_PATH, select.value);
    watched.set(node.FULL_PATH, ([value]) => (select.value = value));
  } else if (node.TYPE === "T") {
    const box = made("input", row, { id: name, type: "checkbox" });
    box.onchange = () => send(node.FULL_PATH, box.checked);
    watched.set(node.FULL_PATH, ([value]) => (box.checked = value));
  } else {
    const told = made("output", row, { htmlFor: name });
    const slider = made("input", row, { id: name, type: "range", min: range.MIN, max: range.MAX });
    slider.step = node.TYPE === "i" ? 1 : (range.MAX - range.MIN) / 500;
    const unit = node.UNIT ? ` ${node.UNIT[0]}` : "";
    slider.oninput = () => {
      told.textContent = shown(Number(slider.value)) + unit;
      send(node.FULL_PATH, Number(slider.value));
    };
    watched.set(node.FULL_PATH, ([value]) => {
      told.textContent = shown(value) + unit;
      if (document.activeElement !== slider || Math.abs(value - slider.value) > slider.step) slider.value = value;
    });
  }
}

function button(text, address, parent, ...args) {
  const made_ = made("button", parent, { textContent: text, type: "button" });
  made_.onclick = () => send(address, ...args);
  return made_;
}

function toggle(text, address, parent) {
  const made_ = made("button", parent, { textContent: text, type: "button" });
  made_.onclick = () => send(address, made_.getAttribute("aria-pressed") !== "true");
  watched.set(address, ([on]) => made_.setAttribute("aria-pressed", String(on)));
}

function build(root) {
  const groups = root.CONTENTS;
  toggle("freeze", "/freeze", id("actions"));
  toggle("blackout", "/blackout", id("actions"));
  for (const name of ["tap", "seed", "panic"]) button(name, `/${name}`, id("actions"));
  for (const name of groups.preset.CONTENTS.load.RANGE[0].VALS) {
    const look = button("", "/preset/load", id("presets"), name);
    look.dataset.preset = name;
    const picture = made("img", look, { alt: "", loading: "lazy", src: `/page/thumbnail/${encodeURIComponent(name)}` });
    picture.onerror = () => picture.remove();
    made("span", look, { textContent: name });
  }
  const lines = groups.cue.RANGE[0].VALS;
  id("cues").hidden = !lines.length;
  lines.forEach((text, number) => button(text, "/cue", made("li", id("lines")), number));
  for (const go of document.querySelectorAll("button[data-address]")) {
    go.onclick = () => send(go.dataset.address);
  }
  for (const [name, group] of Object.entries(groups)) {
    if (name === "sense" || !group.CONTENTS) continue;
    const nodes = Object.values(group.CONTENTS).filter((node) => node.ACCESS === 3 || (node.ACCESS === 1 && name !== "preset"));
    if (!nodes.length) continue;
    made("h2", id("knobs"), { textContent: name });
    nodes.forEach((node) => knob(node, id("knobs")));
  }
  for (let k = 0; k < 12; k++) made("i", id("chroma"));
  watched.set("/preset/name", ([name]) => {
    id("preset").textContent = name;
    for (const one of document.querySelectorAll("[data-preset]")) {
      one.setAttribute("aria-pressed", String(one.dataset.preset === name));
    }
  });
  watched.set("/sense/level", ([level]) => (id("level").value = level));
  watched.set("/sense/beat", ([phase, , bpm]) => {
    id("beat").value = 1 - phase;
    id("bpm").textContent = bpm ? `${bpm.toFixed(1)} BPM` : "";
  });
  watched.set("/sense/chroma", (values) =>
    values.forEach((value, k) => (id("chroma").children[k].style.height = `${100 * value}%`)),
  );
}

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    id("line").textContent = "";
    for (const address of watched.keys()) {
      socket.send(JSON.stringify({ COMMAND: "LISTEN", DATA: address }));
    }
  };
  socket.onmessage = (event) => {
    if (typeof event.data === "string") return;
    const [address, args] = message(event.data);
    if (watched.has(address)) watched.get(address)(args);
  };
  socket.onclose = () => {
    id("line").textContent = "the show does not answer; trying again";
    setTimeout(connect, 1000);
  };
}

function look() {
  const next = new Image();
  next.onload = () => {
    id("preview").src = next.src;
    setTimeout(look, 250);
  };
  next.onerror = () => setTimeout(look, 1000);
  next.src = `/page/preview.jpg?t=${Date.now()}`;
}

fetch("/")
  .then(async (answer) => {
    if (!answer.ok) throw new Error(await answer.text());
    build(await answer.json());
    connect();
    look();
  })
  .catch((error) => (id("line").textContent = `the show does not answer; reload this page (${error.message.trim()})`));
