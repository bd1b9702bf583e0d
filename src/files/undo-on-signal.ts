// What a signal must end or remove: temporary files and other processes.

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const undos = new Set<() => void>();

/**
 * Does work that must be undone if a signal ends the process meanwhile.
 *
 * A signal with a handler waits until the event loop turns, so there is one only during such work; otherwise a signal ends the
 * process at once. The work must call `letSignalsThrough` from time to time. A program with handlers of its own keeps them.
 *
 * @param undo must also be harmless after the work
 */
export async function undoneBySignals<T>(undo: () => void, work: () => Promise<T>): Promise<T> {
  if (undos.size === 0) {
    for (const signal of SIGNALS) if (process.listenerCount(signal) === 0) process.on(signal, end);
  }
  undos.add(undo);
  try {
    return await work();
  } finally {
    // A signal that came before is handled during the second turn at the latest.
    await turn();
    await turn();
    undos.delete(undo);
    if (undos.size === 0) ignoreSignals();
  }
}

/** Undoes all work in progress, before the process exits. */
export function undoAll(): void {
  for (const undo of undos) undo();
}

function end(signal: NodeJS.Signals): void {
  undoAll();
  ignoreSignals();
  // Without a handler, this ends the process.
  process.kill(process.pid, signal);
}

function ignoreSignals(): void {
  for (const signal of SIGNALS) process.removeListener(signal, end);
}

/** In milliseconds. */
const LONGEST_WAIT = 50;
let lastTurn = 0;

/** Turns the event loop, unless it has turned just before. */
export async function letSignalsThrough(): Promise<void> {
  if (Date.now() - lastTurn < LONGEST_WAIT) return;
  await turn();
  lastTurn = Date.now();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
