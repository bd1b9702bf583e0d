// The instructions of a line program (DWARF 5 section 6.2.5). The state machine stands in memory between calls, as
// src/dwarf/line-program.ts lays it out.

const DW_LNS_copy: usize = 1;
const DW_LNS_advance_pc: usize = 2;
const DW_LNS_advance_line: usize = 3;
const DW_LNS_set_file: usize = 4;
const DW_LNS_set_column: usize = 5;
const DW_LNS_const_add_pc: usize = 8;
const DW_LNS_fixed_advance_pc: usize = 9;

// The registers, by their offsets in bytes.
const OFFSET = 0;
const LIMIT = 8;
const OPERATION = 16;
const FILE = 20;
const LINE = 24;
const ROWS = 28;
const DESCENDS = 32;

// What the program's header says, behind them.
const OPCODE_BASE = 36;
const MINIMUM_LENGTH = 40;
const MAXIMUM_OPERATIONS = 44;
const LITTLE_ENDIAN = 48;
// By opcode: the number of operands, what a special opcode adds to the address, a byte each, and to the line, 32 bits.
const STANDARD_OPERANDS = 64;
const SPECIAL_ADVANCE = 320;
const SPECIAL_LINE = 576;

/** Where the number ends that was read last. */
let next: usize = 0;

/** A LEB128 number's lower 64 bits. */
function readUleb(at: usize): u64 {
  let byte = load<u8>(at++);
  let value = <u64>(byte & 0x7f);
  for (let shift: u64 = 7; byte >= 0x80; shift += 7) {
    byte = load<u8>(at++);
    if (shift < 64) value |= (<u64>(byte & 0x7f)) << shift;
  }
  next = at;
  return value;
}

function readSleb(at: usize): i64 {
  let byte = load<u8>(at++);
  let value = <i64>(byte & 0x7f);
  let shift: i64 = 7;
  for (; byte >= 0x80; shift += 7) {
    byte = load<u8>(at++);
    if (shift < 64) value |= (<i64>(byte & 0x7f)) << shift;
  }
  next = at;
  return (byte & 0x40) !== 0 && shift < 64 ? value | ((<i64>-1) << shift) : value;
}

/**
 * Runs instructions up to the next extended one, to the first row behind the limit, or until the rows are full. What an
 * instruction reads past the end is zeros, which end every number.
 *
 * @param offsets the rows' columns, of 64-bit floats, and of 32-bit words the next two
 * @param capacity how many rows they have room for
 * @returns where the next instruction begins; `end` and more at the program's end
 */
export function advanceProgram(
  machine: usize,
  start: usize,
  end: usize,
  offsets: usize,
  files: usize,
  lines: usize,
  capacity: u32,
): usize {
  const opcodeBase = <usize>load<u32>(machine, OPCODE_BASE);
  const minimumLength = <f64>load<u32>(machine, MINIMUM_LENGTH);
  const maximumOperations = <f64>load<u32>(machine, MAXIMUM_OPERATIONS);
  const limit = load<f64>(machine, LIMIT);
  let offset = load<f64>(machine, OFFSET);
  let operation = load<u32>(machine, OPERATION);
  let file = load<u32>(machine, FILE);
  let line = load<u32>(machine, LINE);
  let rows = load<u32>(machine, ROWS);
  let last = rows === 0 ? offset : load<f64>(offsets + ((<usize>(rows - 1)) << 3));
  let at = start;
  while (at < end && rows < capacity) {
    const opcode: usize = load<u8>(at);
    if (opcode === 0) break;
    at++;
    let advance: f64 = 0;
    let addsRow = false;
    if (opcode >= opcodeBase) {
      advance = <f64>load<u8>(machine + opcode, SPECIAL_ADVANCE);
      line += load<u32>(machine + (opcode << 2), SPECIAL_LINE);
      addsRow = true;
    } else if (opcode === DW_LNS_copy) {
      addsRow = true;
    } else if (opcode === DW_LNS_set_column) {
      while (load<u8>(at++) >= 0x80) {}
    } else if (opcode === DW_LNS_advance_line) {
      line += <u32>readSleb(at);
      at = next;
    } else if (opcode === DW_LNS_advance_pc) {
      advance = <f64>readUleb(at);
      at = next;
    } else if (opcode === DW_LNS_set_file) {
      file = <u32>readUleb(at);
      at = next;
    } else if (opcode === DW_LNS_const_add_pc) {
      advance = <f64>load<u8>(machine + 255, SPECIAL_ADVANCE);
    } else if (opcode === DW_LNS_fixed_advance_pc) {
      const operand = load<u16>(at);
      offset += <f64>(load<u32>(machine, LITTLE_ENDIAN) !== 0 ? operand : bswap<u16>(operand));
      operation = 0;
      at += 2;
    } else {
      // Flags, ISAs, and what later versions may add: only their operands are passed over.
      for (let operand = load<u8>(machine + opcode, STANDARD_OPERANDS); operand > 0; operand--) {
        while (load<u8>(at++) >= 0x80) {}
      }
    }
    if (maximumOperations === 1) offset += minimumLength * advance;
    else {
      const sum = <f64>operation + advance;
      const whole = Math.floor(sum / maximumOperations);
      offset += minimumLength * whole;
      operation = <u32>(sum - whole * maximumOperations);
    }
    if (addsRow) {
      if (offset < last) store<u32>(machine, 1, DESCENDS);
      store<f64>(offsets + ((<usize>rows) << 3), offset);
      store<u32>(files + ((<usize>rows) << 2), file);
      store<u32>(lines + ((<usize>rows) << 2), line);
      last = offset;
      rows++;
      if (offset > limit) break;
    }
  }
  store<f64>(machine, offset, OFFSET);
  store<u32>(machine, operation, OPERATION);
  store<u32>(machine, file, FILE);
  store<u32>(machine, line, LINE);
  store<u32>(machine, rows, ROWS);
  return at;
}
