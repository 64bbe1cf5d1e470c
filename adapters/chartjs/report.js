// Puts the page together. data-* of <html> tell a test what came of it.
"use strict";

const page = document.documentElement;
window.addEventListener("error", event => { page.dataset.error = event.message; });
const run = JSON.parse(document.getElementById("data").textContent);

function section(id, title, note) {
  const made = element("section", {id}, element("h2", {textContent: title}));
  if (note) made.append(element("p", {className: "note", textContent: note}));
  document.getElementById("main").append(made);
  document.getElementById("contents").append(element("a", {href: "#" + id, textContent: title}));
  return made;
}

function cards(parent) {
  const made = element("div", {className: "cards"});
  parent.append(made);
  return made;
}

function card(parent, title, note) {
  const made = element("div", {className: "card"}, element("h3", {textContent: title}));
  if (note) made.append(element("p", {className: "note", textContent: note}));
  parent.append(made);
  return made;
}

function table(parent, header, rows, numbers) {
  const cell = (tag, text, at) => element(tag, {textContent: text, className: numbers.includes(at) ? "number" : ""});
  const made = element("table", {}, element("thead", {}, element("tr", {}, ...header.map((text, at) => cell("th", text, at)))),
      element("tbody", {}, ...rows.map(row => element("tr", {}, ...row.map((text, at) => cell("td", text, at))))));
  parent.append(element("div", {className: "scroll"}, made));
}

function legend(parent, groups) {
  const names = new Set(groups.flatMap(group => group.stages.map(stage => stage.stage)));
  if (groups.some(group => group.component)) names.add("physics");
  const made = element("ul", {className: "legend"});
  for (const name of Object.keys(colours)) {
    if (!names.has(name)) continue;
    const box = element("i");
    box.style.background = colours[name];
    made.append(element("li", {}, box, name.replaceAll("_", " ")));
  }
  parent.append(made);
}

function fact(name) {
  const found = run.facts.find(each => each[0] === name);
  return found ? found[1].join(", ") : "";
}

function waitOf(group) {
  return group.stages.filter(stage => stage.stage === "wait").reduce((sum, stage) => sum + stage.mean, 0);
}

function head() {
  const where = document.getElementById("run");
  where.textContent = "Run in " + run.directory + (fact("started") ? ", started " + fact("started") : "");
  if (run.simulated) where.append(element("span", {className: "badge", textContent: "simulated, not measured"}));
  if (run.warning) where.append(element("span", {className: "badge", textContent: run.warning}));
  const sentences = run.sentences || ["This run was not profiled"];
  const first = sentences[0];
  document.getElementById("headline").textContent = first;
  const rest = run.sentences ? sentences.slice(1) : ["with output: {profile: on} in the plan it tells where the time went"];
  document.getElementById("sentences").append(...rest.map(text => element("li", {textContent: text})));
  if (!run.sentences) document.getElementById("summary").remove();
}

function tile(name, value, more) {
  document.getElementById("tiles").append(
      element("div", {}, element("dt", {textContent: name, title: name}),
              element("dd", {textContent: value}, element("small", {textContent: more}))));
}

function tiles() {
  const groups = run.groups || [];
  for (const group of groups.filter(each => each.component).slice(0, 3))
    tile(group.name, timeWords(group.step.mean) + " a step", "waits " + shareWords(waitOf(group) / group.step.mean || 0) + ", " +
         group.ranks + (group.ranks === 1 ? " rank, " : " ranks, ") + group.steps + " steps");
  for (const group of groups.filter(each => !each.component).slice(0, 3)) {
    const through = run.throughput.find(each => each.network === group.name);
    tile("network " + group.name, (through ? countWords(through.points) : "0") + " points/s",
         group.ranks + (group.ranks === 1 ? " ML rank waits " : " ML ranks wait ") + shareWords(waitOf(group) / group.step.mean || 0));
  }
  for (const curves of run.learning.slice(0, 2)) {
    const loss = (curves.columns.loss || []).filter(value => value !== null);
    if (loss.length) tile("loss of " + curves.network, String(Number(loss[loss.length - 1].toPrecision(3))),
                          "at optimizer step " + curves.step[curves.step.length - 1]);
  }
}

function balance() {
  const made = section("balance", "Load balance",
      "Bars are means over ranks, strokes go from the least to the most of them. What even the rank of a component that waits " +
      "least waits is for the network; what others wait beyond that they may wait for that rank, which came last.");
  legend(made, run.groups);
  for (const group of run.groups) {
    const row = cards(made);
    const most = group.imbalance >= 1.005 ? ", " + group.imbalance.toFixed(2) + " times that on rank " + group.busy.mostRank : "";
    const left = card(row, groupTitle(group), (group.component ? "step " : "exchange ") + timeWords(group.step.mean) +
                      ", busy " + timeWords(group.busy.mean) + most);
    const right = card(row, "By rank");
    stageChart(left, run, group);
    rankChart(right, run, group);
  }
}

function timeline() {
  const left = run.timeline.leftOut;
  const made = section("timeline", "Timeline",
      "Events of the first and of the last steps, one by one; grey is physics of a component. " +
      (left > 0 ? left + " ranks more are not drawn: shown are some from the least to the most busy of each. " : "") +
      "All of them are in the trace that ekman report --trace writes.");
  const drawn = new Timeline(run);
  const where = card(made, "Ranks");
  if (drawn.steps.length) drawn.addTo(where); else where.append("No event was kept.");
}

function course() {
  const made = section("course", "Over the steps", "Mean over ranks of each stage.");
  legend(made, run.groups);
  const row = cards(made);
  for (const group of run.groups) courseChart(card(row, groupTitle(group)), run, group);
}

function throughput() {
  const made = section("throughput", "Throughput",
      "While busy: without the time in which ML ranks wait; what they could do if rows came without pause.");
  const row = cards(made);
  for (const network of run.throughput) {
    const where = card(row, "\u201c" + network.network + "\u201d: " + countWords(network.points) + " points/s",
                       network.devices.length ? (network.devices.length > 48 ? "the first 48 of " + network.devices.length + " devices" : "")
                                              : "inline, on the ranks of its component");
    if (network.devices.length) throughputChart(where, network);
  }
}

function learning() {
  const made = section("learning", "Learning", "From the logs that the plan asks for.");
  const blue = colours.forward, red = colours.wait, others = ["#9c8ade", "#3fb8a4", "#cc79a7", "#b89a12", "#56b4e9"];
  const has = values => values && values.some(value => value !== null);
  for (const {network, every, step, columns} of run.learning) {
    const mean = every > 1 ? "each point is the mean of " + every + " steps" : "";
    const row = cards(made), losses = [];
    if (has(columns.loss)) losses.push(["loss", columns.loss, blue]);
    const terms = Object.keys(columns).filter(name => name.startsWith("loss ") && has(columns[name]));
    if (terms.length > 1) terms.forEach((name, at) => losses.push([name.slice(5), columns[name], others[at % others.length], true]));
    if (has(columns.validation_loss)) losses.push(["validation", columns.validation_loss, red]);
    if (losses.length) learningChart(card(row, "Loss of \u201c" + network + "\u201d", mean), step, "Loss", losses);
    for (const [name, title, colour] of [["learning_rate", "Learning rate", "#7a5195"], ["gradient_norm", "Norm of the gradient", "#00875f"],
                                         ["samples_per_second", "Samples a second", "#5b6875"]])
      if (has(columns[name]))
        learningChart(card(row, title, mean), step, title, [[title, columns[name], colour]], name.startsWith("samples") ? countWords : null);
  }
}

function machine() {
  const made = section("plan", "Plan and machine");
  const facts = run.facts.map(([name, values]) => [name.replaceAll("_", " "), values.join("\n")]);
  if (run.version && !fact("ekman")) facts.unshift(["ekman", run.version]);
  const row = cards(made);
  const where = card(row, "Run");
  where.classList.add("whole");
  table(where, ["", ""], facts, []);
  const list = counts => Object.entries(counts).map(([name, count]) => count + " " + (name || "none")).join(", ");
  if (run.nodes) {
    const below = card(row, "Nodes");
    table(below, ["node", "ranks", "devices of ML ranks"], run.nodes.slice(0, 200).map(node => [node.node, list(node.ranks), list(node.devices)]), []);
    if (run.nodes.length > 200) below.append("and " + (run.nodes.length - 200) + " nodes more");
    table(card(row, "Networks"), ["network", "component", "points", "chunk", "period", "lag", "runs", "learns"],
        run.networks.map(each => [each.name, each.component, String(each.points), String(each.chunk), String(each.period), String(each.lag),
                                  each.inline ? "inline" : "on ML ranks", each.learns ? "yes" : "no"]), [2, 3, 4, 5]);
  }
  if (run.plan) made.append(element("h3", {textContent: "Plan (ekman-run.yaml)"}), element("pre", {textContent: run.plan}));
}

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.color = "#46525f";
head();
tiles();
if (run.groups && run.groups.length) {
  balance();
  if (run.timeline) timeline();
  course();
  if (run.throughput.length) throughput();
}
if (run.learning.length) learning();
machine();
document.getElementById("footer").textContent = "Written by ekman report" + (run.version ? ", run by Ekman " + run.version : "") +
    ". Drawn by Chart.js " + Chart.version + " (MIT licence), which is in this page.";
window.addEventListener("beforeprint", () => charts.forEach(chart => chart.resize()));
page.dataset.charts = charts.length;
page.dataset.ready = "yes";
