// The charts of a report, drawn by Chart.js; names of components, networks and files are only ever set as text.
"use strict";

const charts = [];
const colours = {
  physics: "#a9b4c0", wait: "#d55e00", pack: "#56b4e9", unpack: "#a6d8f5", assemble: "#9c8ade", host_to_device: "#e3c32f",
  forward: "#0072b2", device_to_host: "#b89a12", send: "#3fb8a4", backward: "#00875f", reduce: "#cc79a7", step: "#7a5195",
  other: "#dfe3e8"
};

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function digits(value) {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function timeWords(seconds) {
  if (seconds === null || !isFinite(seconds)) return "-";
  if (seconds <= 0) return "0";
  if (seconds >= 0.9995) return digits(seconds) + " s";
  if (seconds >= 0.9995e-3) return digits(seconds * 1e3) + " ms";
  if (seconds >= 0.9995e-6) return digits(seconds * 1e6) + " us";
  return (seconds * 1e9).toFixed(0) + " ns";
}

// For ticks: without digits that all of them have as nought.
function tickWords(seconds) {
  return timeWords(Math.abs(seconds)).replace(/(\.\d*?)0+ /, "$1 ").replace(/\. /, " ");
}

function countWords(count) {
  for (const [size, name] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]]) if (count >= 0.9995 * size) return digits(count / size) + name;
  return String(Number(count.toPrecision(3)));
}

function shareWords(share) { return share > 0 && share < 0.005 ? "<1 %" : (100 * share).toFixed(0) + " %"; }

function groupTitle(group) { return group.component ? group.name : "ML ranks of \u201c" + group.name + "\u201d"; }

// In a component stages are told by network, if it has several.
function stageWords(run, group, stage) {
  const name = stage.stage.replaceAll("_", " ");
  if (!group.component) return name;
  if (stage.network < 0) return stage.stage === "wait" ? "wait (no network)" : name;
  const several = new Set(group.stages.map(each => each.network).filter(network => network >= 0)).size > 1;
  if (!several && stage.stage !== "wait" && stage.stage !== "forward") return name;
  return name + (stage.stage === "wait" ? " for " : " ") + "\u201c" + run.networks[stage.network].name + "\u201d";
}

function shortened(text, most) { return text.length > most ? text.slice(0, most - 1) + "\u2026" : text; }

// A canvas of that height in `card`, and the chart in it.
function addChart(card, height, label, config) {
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const holder = element("div", {className: "canvas"}, canvas);
  holder.style.height = height + "px";
  card.append(holder);
  config.options = Object.assign({animation: false, responsive: true, maintainAspectRatio: false}, config.options);
  const chart = new Chart(canvas, config);
  charts.push(chart);
  return chart;
}

function timeAxis(title) {
  return {beginAtZero: true, title: {display: true, text: title}, ticks: {callback: tickWords, maxTicksLimit: 8}};
}

// A line from the least to the most of a bar's ranks, with a stroke at each end.
const whiskers = {
  id: "whiskers",
  afterDatasetsDraw(chart) {
    const context = chart.ctx;
    chart.data.datasets.forEach((dataset, at) => {
      if (!dataset.whiskers) return;
      context.save();
      context.strokeStyle = "#1d2733";
      context.lineWidth = 1.25;
      chart.getDatasetMeta(at).data.forEach((bar, row) => {
        const ends = dataset.whiskers[row].map(value => chart.scales.x.getPixelForValue(value));
        context.beginPath();
        context.moveTo(ends[0], bar.y);
        context.lineTo(ends[1], bar.y);
        for (const end of ends) {
          context.moveTo(end, bar.y - 4);
          context.lineTo(end, bar.y + 4);
        }
        context.stroke();
      });
      context.restore();
    });
  }
};

function stageRows(run, group) {
  const rows = group.stages.map(stage => ({label: stageWords(run, group, stage), colour: colours[stage.stage], spread: stage}));
  if (group.other.mean > 0.001 * group.step.mean) rows.push({label: "in no stage", colour: colours.other, spread: group.other});
  return rows;
}

function stageChart(card, run, group) {
  const rows = stageRows(run, group);
  const most = card.clientWidth > 500 ? 30 : 20;
  addChart(card, 70 + 26 * rows.length, "Seconds of each stage of " + groupTitle(group), {
    type: "bar",
    data: {
      labels: rows.map(row => shortened(row.label, most)),
      datasets: [{
        data: rows.map(row => row.spread.mean),
        backgroundColor: rows.map(row => row.colour),
        whiskers: group.ranks > 1 ? rows.map(row => [row.spread.least, row.spread.most]) : null,
        barPercentage: 0.8
      }]
    },
    options: {
      indexAxis: "y",
      scales: {x: Object.assign(timeAxis("of a" + (group.component ? " step" : "n exchange")),
                                {suggestedMax: Math.max(...rows.map(row => row.spread.most))}),
               y: {ticks: {autoSkip: false}, grid: {display: false}}},
      plugins: {
        legend: {display: false},
        tooltip: {callbacks: {
          title: items => rows[items[0].dataIndex].label,
          label: item => {
            const spread = rows[item.dataIndex].spread;
            return ["mean " + timeWords(spread.mean) + ", " + shareWords(spread.mean / group.step.mean),
                    "least " + timeWords(spread.least) + " on rank " + spread.leastRank,
                    "most " + timeWords(spread.most) + " on rank " + spread.mostRank];
          }
        }}
      }
    },
    plugins: [whiskers]
  });
}

function stackedOptions(xTitle, yTitle, titleOf, labelOf) {
  return {
    scales: {x: {stacked: true, title: {display: true, text: xTitle}, grid: {display: false},
                 ticks: {maxRotation: 0, autoSkipPadding: 12}},
             y: Object.assign(timeAxis(yTitle), {stacked: true})},
    interaction: {mode: "index", intersect: false},
    plugins: {legend: {display: false},
              tooltip: {filter: item => item.raw > 0, callbacks: {title: items => items.length ? titleOf(items[0].dataIndex) : "",
                                                                  label: labelOf}}}
  };
}

function timeLabel(item) { return item.dataset.label + ": " + timeWords(item.raw); }

function rankChart(card, run, group) {
  const rows = stageRows(run, group), shown = group.shown;
  const datasets = rows.map((row, at) => ({
    label: row.label, backgroundColor: row.colour, data: shown.map(rank => rank.seconds[at]),
    categoryPercentage: 0.95, barPercentage: shown.length > 24 ? 1 : 0.85, maxBarThickness: 60
  }));
  addChart(card, Math.max(220, Math.min(70 + 26 * rows.length, 380)), "Stages of each rank of " + groupTitle(group), {
    type: "bar",
    data: {labels: shown.map(rank => String(rank.rank)), datasets},
    options: stackedOptions(
        group.ranks > shown.length ? "rank, from the least to the most busy: " + shown.length + " of " + group.ranks : "rank",
        "of a" + (group.component ? " step" : "n exchange"),
        at => "rank " + shown[at].rank + " on " + shown[at].node + (shown[at].device ? ", " + shown[at].device : ""), timeLabel)
  });
}

function courseChart(card, run, group) {
  const width = group.course.width, bins = group.course.stages.length ? group.course.stages[0].length : 0;
  let first = 0;  // a run that goes on from a restart has nothing before
  while (first < bins - 1 && group.course.stages.every(stage => stage[first] === 0)) ++first;
  const steps = [];
  for (let bin = first; bin < bins; ++bin) steps.push(bin * width + 1);
  const datasets = group.stages.map((stage, at) => ({
    label: stageWords(run, group, stage), backgroundColor: colours[stage.stage], borderColor: colours[stage.stage],
    data: group.course.stages[at].slice(first), fill: true, pointRadius: steps.length < 2 ? 3 : 0, borderWidth: 0, stepped: width > 1
  }));
  const options = stackedOptions("step of the model" + (width > 1 ? ", each point the mean of " + width : ""), "mean over ranks",
                                 at => width > 1 ? "steps " + steps[at] + " to " + (steps[at] + width - 1) : "step " + steps[at],
                                 timeLabel);
  addChart(card, 230, "Stages over the steps of " + groupTitle(group), {type: "line", data: {labels: steps, datasets}, options});
}

function throughputChart(card, network) {
  const most = 48, devices = network.devices.slice(0, most);
  addChart(card, 80 + 30 * devices.length, "Points a second of each device", {
    type: "bar",
    data: {
      labels: devices.map(device => shortened(device.node + ", " + (device.device || "cpu"), 28)),
      datasets: [{label: "in the run", data: devices.map(device => device.points), backgroundColor: colours.forward},
                 {label: "while busy", data: devices.map(device => device.busyPoints), backgroundColor: "#a9cfe8"}]
    },
    options: {
      indexAxis: "y",
      scales: {x: {beginAtZero: true, title: {display: true, text: "points/s"}, ticks: {callback: countWords, maxTicksLimit: 7}},
               y: {ticks: {autoSkip: false}, grid: {display: false}}},
      plugins: {legend: {position: "bottom", labels: {boxWidth: 12}},
                tooltip: {callbacks: {label: item => item.dataset.label + ": " + countWords(item.raw) + " points/s"}}}
    }
  });
}

// Ones, and twos and fives where there is room for them.
function logarithmWords(least, most) {
  return value => {
    const leading = Math.round(value / Math.pow(10, Math.floor(Math.log10(value) + 1e-9)));
    return leading === 1 || (most < 100 * least && (leading === 2 || leading === 5)) ? Number(value.toPrecision(1)).toString() : "";
  };
}

// `curves` is a list of [label, values, colour, dashed].
function learningChart(card, steps, title, curves, words) {
  const values = curves.flatMap(curve => curve[1]).filter(value => value !== null);
  const least = Math.min(...values), most = Math.max(...values), positive = values.length > 0 && least > 0;
  const few = values.length < 2 * curves.length, logarithmic = positive && most > (words ? Infinity : title === "Loss" ? 20 : 300) * least;
  addChart(card, 240, title, {
    type: "line",
    data: {datasets: curves.map(([label, each, colour, dashed]) => ({
      label, borderColor: colour, backgroundColor: colour, borderWidth: 1.5, borderDash: dashed ? [5, 3] : [], spanGaps: true,
      pointRadius: few || each.filter(value => value !== null).length < 40 ? 2 : 0,
      data: each.map((value, at) => ({x: steps[at], y: value})).filter(point => point.y !== null)
    }))},
    options: {
      scales: {x: {type: "linear", title: {display: true, text: "optimizer step"}, ticks: {precision: 0}},
               y: {type: logarithmic ? "logarithmic" : "linear",
                   ticks: {maxTicksLimit: logarithmic ? 40 : 7, autoSkip: !logarithmic,
                           callback: logarithmic ? logarithmWords(least, most) : words || (value => Number(value.toPrecision(3)).toString())}}},
      interaction: {mode: "nearest", axis: "x", intersect: false},
      plugins: {legend: {display: curves.length > 1, position: "bottom", labels: {boxWidth: 12}}}
    }
  });
}
