// When to draw what is dear: not more often than it pays.

/** `draw`, at most once a frame; after a slow one not before nine times as long has passed, so that the page stays awake. */
export function throttled(draw) {
  let waiting = false;
  let ready = 0;
  const run = () => {
    waiting = false;
    const began = performance.now();
    draw();
    const took = performance.now() - began;
    ready = began + (took > 4 ? 10 * took : 0);
  };
  return () => {
    if (waiting) return;
    waiting = true;
    const left = ready - performance.now();
    if (left > 0) setTimeout(() => requestAnimationFrame(run), left);
    else requestAnimationFrame(run);
  };
}
