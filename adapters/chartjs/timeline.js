// The timeline: stages as bars on a lane for each rank, in a window of some steps of those that were kept one by one.
"use strict";

class Timeline {
  constructor(run) {
    this.run = run;
    this.lanes = run.timeline.lanes;
    this.tick = run.timeline.tick;
    this.events = this.lanes.map(() => []);
    const steps = new Map();  // of each step its begin and end, over all lanes
    for (const [lane, stage, network, step, begin, length] of run.timeline.events) {
      const event = {stage: run.stages[stage], network, step, begin: begin * this.tick, end: (begin + length) * this.tick};
      this.events[lane].push(event);
      const span = steps.get(step);
      steps.set(step, span ? [Math.min(span[0], event.begin), Math.max(span[1], event.end)] : [event.begin, event.end]);
    }
    this.steps = [...steps.keys()].sort((a, b) => a - b);
    this.spans = this.steps.map(step => steps.get(step));
    if (this.spans.length) this.spans[0][0] = 0;  // physics before the first event
    // Steps of the middle were not kept: the first steps end where the numbers jump.
    this.gap = this.steps.findIndex((step, at) => at > 0 && step > this.steps[at - 1] + this.longestPeriod());
    this.first = 0;
    this.count = 5;
  }

  longestPeriod() { return Math.max(1, ...this.run.networks.map(network => network.period)); }

  get last() { return Math.min(this.first + this.count, this.steps.length) - 1; }

  // The window ends before what was left out.
  show(first, count) {
    this.count = count;
    this.first = Math.max(0, Math.min(first, this.steps.length - count));
    let last = this.last;
    if (this.gap > 0 && this.first < this.gap && last >= this.gap) {
      if (first >= this.gap - count / 2) this.first = this.gap; else last = this.gap - 1;
    }
    const begin = Math.min(...this.spans.slice(this.first, last + 1).map(span => span[0]));
    const end = Math.max(...this.spans.slice(this.first, last + 1).map(span => span[1]));
    this.chart.options.scales.x.min = begin;
    this.chart.options.scales.x.max = end > begin ? end : begin + 1e-6;
    this.chart.update("none");
    this.slider.value = this.first;
    this.counter.value = String(count);
    this.words.textContent = "steps " + this.steps[this.first] + " to " + this.steps[last] + " of the model, " +
        timeWords(end - begin);
    this.back.disabled = this.first === 0;
    this.onward.disabled = last === this.steps.length - 1;
  }

  laneLabel(at) {
    const lane = this.lanes[at], group = this.run.groups[lane.group];
    return shortened(group.component ? group.name : "ML \u201c" + group.name + "\u201d", 20) + " " + lane.rank;
  }

  draw(chart) {
    const {left, right, top, bottom} = chart.chartArea, x = chart.scales.x, y = chart.scales.y, context = chart.ctx;
    context.save();
    context.beginPath();
    context.rect(left, top, right - left, bottom - top);
    context.clip();
    this.events.forEach((events, lane) => {
      const above = y.getPixelForValue(lane + 0.1), height = y.getPixelForValue(lane + 0.9) - above;
      if (this.run.groups[this.lanes[lane].group].component && events.length) this.drawPhysics(context, x, events, above, height);
      for (const event of events) {
        if (event.end < x.min || event.begin > x.max) continue;
        const from = x.getPixelForValue(event.begin);
        context.fillStyle = colours[event.stage];
        context.fillRect(from, above, Math.max(x.getPixelForValue(event.end) - from, 0.7), height);
      }
    });
    context.restore();
  }

  // What no stage tells of a component is its physics; not over steps that were left out.
  drawPhysics(context, x, events, above, height) {
    context.fillStyle = colours.physics;
    let begin = 0, end = events[0].begin, step = events[0].step;
    const fill = () => context.fillRect(x.getPixelForValue(begin), above, x.getPixelForValue(end) - x.getPixelForValue(begin), height);
    for (const event of events) {
      if (event.step > step + this.longestPeriod()) {
        fill();
        begin = event.begin;
      }
      end = Math.max(end, event.end);
      step = event.step;
    }
    fill();
  }

  find(mouse) {
    const box = this.chart.canvas.getBoundingClientRect(), x = this.chart.scales.x, y = this.chart.scales.y;
    const at = x.getValueForPixel(mouse.clientX - box.left), lane = Math.floor(y.getValueForPixel(mouse.clientY - box.top));
    if (!this.events[lane] || at < x.min || at > x.max) return null;
    const slack = (x.max - x.min) / 1000;
    let found = null;
    for (const event of this.events[lane])
      if (event.begin - slack <= at && at <= event.end + slack && (!found || event.end - event.begin <= found.end - found.begin))
        found = event;
    return found && {event: found, lane};
  }

  tell(mouse) {
    const tip = document.getElementById("tip"), found = this.find(mouse);
    tip.hidden = !found;
    if (!found) return;
    const {event, lane} = found;
    const network = event.network >= 0 ? " \u201c" + this.run.networks[event.network].name + "\u201d" : "";
    tip.textContent = this.laneLabel(lane) + ": " + event.stage.replaceAll("_", " ") + network + ", " +
        timeWords(event.end - event.begin) + ", step " + event.step + "\nfrom " + event.begin.toFixed(6) + " s";
    tip.style.left = Math.max(0, Math.min(mouse.clientX + 14, window.innerWidth - tip.offsetWidth - 4)) + "px";
    tip.style.top = mouse.clientY + 16 + "px";
  }

  addControls(card) {
    const button = (text, act) => element("button", {type: "button", textContent: text, onclick: act});
    this.back = button("\u2190", () => this.show(this.first - this.count, this.count));
    this.onward = button("\u2192", () => this.show(this.last + 1, this.count));
    this.back.setAttribute("aria-label", "earlier steps");
    this.onward.setAttribute("aria-label", "later steps");
    this.slider = element("input", {type: "range", min: 0, max: Math.max(this.steps.length - 1, 0), value: 0});
    this.slider.setAttribute("aria-label", "first step that is shown");
    this.slider.oninput = () => this.show(Number(this.slider.value), this.count);
    this.counter = element("select", {onchange: () => this.show(this.first, Number(this.counter.value))});
    for (const count of [1, 2, 5, 10, 20, 50, 100, 200, 500])
      this.counter.append(element("option", {value: String(count), textContent: count === 1 ? "1 step" : count + " steps"}));
    this.words = element("span");
    card.append(element("div", {className: "controls"},
        button("First steps", () => this.show(0, this.count)),
        button("Last steps", () => this.show(this.steps.length - this.count, this.count)),
        this.back, this.onward, this.counter, this.slider, this.words));
  }

  addTo(card) {
    this.addControls(card);
    const lanes = this.lanes.length, each = lanes > 32 ? 13 : 20;
    this.chart = addChart(card, 60 + each * lanes, "Timeline of ranks", {
      type: "scatter",
      data: {datasets: [{data: []}]},
      options: {
        scales: {
          x: {type: "linear", min: 0, max: 1, title: {display: true, text: "since the end of enddef"},
              ticks: {maxTicksLimit: 8, maxRotation: 0, includeBounds: false, callback: value => Number(value.toFixed(6)) + " s"}},
          y: {type: "linear", min: 0, max: lanes, reverse: true, grid: {display: false},
              afterBuildTicks: axis => { axis.ticks = this.lanes.map((lane, at) => ({value: at + 0.5})); },
              ticks: {autoSkip: false, font: {size: each - 6 > 11 ? 11 : each - 4}, callback: (value, at) => this.laneLabel(at)}}
        },
        plugins: {legend: {display: false}, tooltip: {enabled: false}},
        events: []
      },
      plugins: [{id: "lanes", beforeDatasetsDraw: chart => this.draw(chart)}]
    });
    this.chart.canvas.addEventListener("mousemove", mouse => this.tell(mouse));
    this.chart.canvas.addEventListener("mouseleave", () => { document.getElementById("tip").hidden = true; });
    this.show(0, Math.min(5, this.steps.length));
  }
}
