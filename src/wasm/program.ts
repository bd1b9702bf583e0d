import { Failure } from "../failure.ts";
import { WASM, type WasmProgram } from "./binary.ts";
import { MEMORY_PAGES } from "./layout.ts";

const PAGE_BYTES = 1 << 16;

/** The most that a memory of 32-bit offsets may hold here, in bytes. */
const MEMORY_LIMIT = MEMORY_PAGES * PAGE_BYTES;

/** No room begins at offset 0, which means nothing. */
const FIRST_OFFSET = 16;

let module: WebAssembly.Module | undefined;

/**
 * A memory of its own, which `room` gives out piece by piece, and the program that works on it. V8 frees it lazily, since its size
 * does not make V8 collect garbage: what goes through many files uses one memory for all.
 */
export interface WasmMemory {
  readonly program: WasmProgram;
  /** All that `room` has given out; when there is more of it another buffer, while views of this one stay good. */
  buffer(): SharedArrayBuffer;
  /**
   * The offset of so many bytes more, aligned to 16.
   *
   * @param source the file or section whose size decides how many, for messages
   * @throws Failure beyond MEMORY_LIMIT, and where the system gives no more
   */
  room(bytes: number, source?: string): number;
  /** Gives back all from an offset on, everything without one. */
  release(from?: number): void;
  /**
   * A check for what stays in the memory when a call has ended: it throws an Error once everything has been given back, since
   * others may use the memory then.
   */
  hold(): () => void;
}

function allocated<T>(allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // V8 reserves 10 GiB of address space for each memory.
    throw new Failure("NO_MEMORY", "memory", "cannot reserve address space", "raise the limit (ulimit -v)");
  }
}

export function wasmMemory(): WasmMemory {
  let used = FIRST_OFFSET;
  /** How often everything has been given back. */
  let uses = 0;
  let program: WasmProgram | undefined;
  // Shared by nobody: V8 counts other memories among what a collection might free, and collects for nothing.
  const descriptor = { initial: 0, maximum: MEMORY_PAGES, shared: true } as const;
  const memory = allocated(() => new WebAssembly.Memory(descriptor));
  return {
    get program() {
      module ??= new WebAssembly.Module(Buffer.from(WASM, "base64"));
      program ??= new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as WasmProgram;
      return program;
    },
    buffer: () => memory.buffer,
    room(bytes, source = "input") {
      const start = used;
      const end = start + Math.ceil(bytes / 16) * 16;
      if (end > MEMORY_LIMIT) {
        throw new Failure(
          "NO_MEMORY",
          source,
          `takes more than the ${MEMORY_LIMIT} bytes that memory has room for`,
          "give an intact file",
        );
      }
      const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE_BYTES);
      if (missing > 0) allocated(() => memory.grow(missing));
      used = end;
      return start;
    },
    release(from = FIRST_OFFSET) {
      if (from === FIRST_OFFSET) uses++;
      used = from;
    },
    hold() {
      const use = uses;
      return () => {
        if (use !== uses) throw new Error("the memory that this was in is used for something else");
      };
    },
  };
}
