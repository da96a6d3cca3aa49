// When the page draws: at most once per animation frame, and not at all while a round trip is being measured.

const waiting = new Map();
let held = false;
let scheduled = false;

/** Draws with draw() at the next animation frame; a second call under the same key replaces the first. */
export function paint(key, draw) {
  waiting.set(key, draw);
  if (!held) schedule();
}

/** Keeps drawings back until release(), so that none of them counts towards what is measured. */
export function hold() {
  held = true;
}

export function release() {
  held = false;
  if (waiting.size > 0) schedule();
}

/** Draws what is waiting and resolves once the browser has had its chance to show it. */
export async function breathe() {
  drawAll();
  await new Promise((done) => {
    // A hidden tab gets no animation frames.
    const late = setTimeout(done, 100);
    requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(done, 0);
    });
  });
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    if (!held) drawAll();
  });
}

function drawAll() {
  const drawings = [...waiting.values()];
  waiting.clear();
  for (const draw of drawings) draw();
}
