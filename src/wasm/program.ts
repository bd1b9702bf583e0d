import { Failure } from "../failure.ts";
import { WASM, type WasmProgram } from "./binary.ts";
import { MEMORY_PAGES } from "./layout.ts";

const PAGE_BYTES = 1 << 16;

/** Maximum size of a memory, in bytes. */
const MEMORY_LIMIT = MEMORY_PAGES * PAGE_BYTES;

/** Offset 0 is never allocated: it means "none". */
const FIRST_OFFSET = 16;

let module: WebAssembly.Module | undefined;

/**
 * A WebAssembly memory, allocated with `room`, and a program that uses it. V8 frees such memory lazily, since its size does not
 * trigger garbage collection. So use one memory for many files.
 */
export interface WasmMemory {
  readonly program: WasmProgram;
  /** The memory's buffer. It is replaced when the memory grows; views of the old buffer stay valid. */
  buffer(): SharedArrayBuffer;
  /**
   * Allocates bytes.
   *
   * @param source the file or section that needs the memory, for messages
   * @returns their offset, aligned to 16
   * @throws Failure above MEMORY_LIMIT, or if the system has no more memory
   */
  room(bytes: number, source?: string): number;
  /** Frees everything from an offset on; all memory by default. */
  release(from?: number): void;
  /**
   * @returns a check for data that stays in the memory after a call: it throws an Error once all memory has been freed, since
   *   the memory may have been reused
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
  /** How often all memory has been freed. */
  let uses = 0;
  let program: WasmProgram | undefined;
  // No thread shares it. V8 counts unshared memories as garbage-collectable, and would run useless collections.
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
          `needs more than the maximum of ${MEMORY_LIMIT} bytes of memory`,
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
        if (use !== uses) throw new Error("the memory of this data has been reused");
      };
    },
  };
}
