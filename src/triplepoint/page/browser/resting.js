// Work that may wait until the cursor rests: labels, rows from the server, small pictures.

/** `work` is done once, `wait` ms after the last call. */
export function resting(work, wait = 160) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(work, wait);
  };
  later.cancel = () => clearTimeout(timer);
  later.now = () => {
    clearTimeout(timer);
    work();
  };
  return later;
}
