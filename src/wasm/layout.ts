// The interface between TypeScript and AssemblyScript: memory layouts and the meaning of return values. Both import this file.
// Sizes and offsets are in bytes; words have 32 bits.

/** Maximum number of 64 KiB pages of a memory; scripts/wasm.mjs compiles the program with it. */
export const MEMORY_PAGES = 12288;

/**
 * Number of zero bytes that must follow all parsed bytes. They end a truncated LEB128 number, string or table. A read of fixed
 * size that begins within the bytes ends within the zeros. So one bounds check after several reads is enough.
 */
export const PADDING = 32;

// Symbol tables (assembly/listing.ts).

/** Flags of a file for describeSymbols. */
export const FILE_IS_64 = 1;
export const FILE_IS_LITTLE_ENDIAN = 2;
/** Bit 0 of a function's value marks Thumb code. */
export const FILE_MARKS_THUMB = 4;

/** Number of zero bytes that must follow a string table: names are read eight bytes at a time. */
export const STRING_PADDING = 8;

/** A sort key of a symbol. */
export const KEY_BYTES = 8;
/** Returned by collectSymbols, instead of the end of the keys, if a name is outside the string table. */
export const NAME_OUTSIDE_STRINGS = 0;

/** Cached data of a symbol: start and end of its name in the string table, hash of the name, type letter with the kind above it; a word each. */
export const KNOWN_NAME_END = 4;
export const KNOWN_NAME_HASH = 8;
export const KNOWN_LETTER = 12;
/** Bit position of the kind, above the letter. */
export const KNOWN_KIND_SHIFT = 8;
export const KNOWN_BYTES = 16;

/** Keys are sorted by three digits of twelve bits. Each value of each digit has a counter of one word. */
export const KEY_DIGITS = 3;
export const DIGIT_VALUES = 1 << 12;
export const DIGIT_COUNTS_BYTES = KEY_DIGITS * DIGIT_VALUES * 4;

/** The columns of a listing, in this order: one word per symbol; one byte per symbol in the last two. */
export const COLUMN_NAME_START = 0;
export const COLUMN_NAME_END = 1;
export const COLUMN_ADDRESS_HIGH = 2;
export const COLUMN_ADDRESS_LOW = 3;
export const COLUMN_NAME_HASH = 4;
export const COLUMN_TABLE_INDEX = 5;
/** The letters, followed by the kinds. */
export const COLUMN_TYPE = 6;
/** Size of all columns, per symbol. */
export const COLUMNS_BYTES = COLUMN_TYPE * 4 + 2;

// Names (assembly/names.ts).

/** No symbol, in a column of symbols. */
export const NO_SYMBOL = -1;
/** The hash of symbols that are not counted. */
export const NOT_COUNTED = 0;
/** A slot of the hash table: a hash, and the first symbol with it; a word each. */
export const SLOT_SYMBOL = 4;
export const SLOT_BYTES = 8;

// Abbreviations (assembly/abbreviations.ts): results of findAbbreviation if it finds none.

/** The table has no such code. */
export const NOT_LISTED = -1;
/** The bytes end before the table does. */
export const TABLE_CUT_SHORT = -2;

// Root DIEs (assembly/unit.ts).

/** Returned by readUnitHeader for a unit that is not in the common form. */
export const NOT_PLAIN = -1;

/**
 * The attributes that readRoot reads, in this order. Each has its form (0 if absent), and the lower and upper half of its value; a
 * word each.
 */
export const ROOT_NAME = 0;
export const ROOT_COMPILATION_DIRECTORY = 1;
export const ROOT_LINE_PROGRAM = 2;
export const ROOT_LOW_PC = 3;
export const ROOT_HIGH_PC = 4;
export const ROOT_RANGES = 5;
export const ROOT_ADDRESS_BASE = 6;
export const ROOT_STRING_OFFSETS_BASE = 7;
export const ROOT_RANGE_LISTS_BASE = 8;
export const ROOT_ATTRIBUTES = 9;
export const ROOT_FORM = 0;
export const ROOT_VALUE_LOW = 4;
export const ROOT_VALUE_HIGH = 8;
export const ROOT_ATTRIBUTE_BYTES = 12;

// Address ranges (assembly/ranges.ts).

/** A range: start, end, owner (offset of the unit), and the largest end of all ranges up to this one; 64 bits each. */
export const RANGE_END = 8;
export const RANGE_OWNER = 16;
export const RANGE_REACH = 24;
export const RANGE_BYTES = 32;
/** The smallest tuple of .debug_aranges. */
export const ARANGE_TUPLE_BYTES = 8;
/** Returned by readAranges for a section that is not valid. */
export const BAD_RANGES = -1;
/** Returned by findRange if no range contains the address. */
export const NO_RANGE = 0;

// File tables (assembly/file-table.ts).

/** Returned by findFile for tables that are not in the common form, and for a file that they do not list. */
export const FILE_NOT_FOUND = -1;
/** The names that findFile stores, in this order: the file's, its directory's, and the first directory's. */
export const FILE_NAME = 0;
export const FILE_DIRECTORY = 1;
export const FILE_FIRST_DIRECTORY = 2;
/** A name: form and offset; a word each. */
export const NAME_OFFSET = 4;
export const NAME_BYTES = 8;
export const NAMES_BYTES = 3 * NAME_BYTES;

// Line programs (assembly/line-program.ts).

/**
 * A line program's header: four words, then three tables by opcode: the number of operands of a standard opcode (a byte each),
 * and the operation advance (a byte each) and line advance (a word each) of a special opcode.
 */
export const HEADER_OPCODE_BASE = 0;
export const HEADER_MINIMUM_LENGTH = 4;
export const HEADER_MAXIMUM_OPERATIONS = 8;
export const HEADER_LITTLE_ENDIAN = 12;
export const HEADER_STANDARD_OPERANDS = 16;
export const HEADER_SPECIAL_ADVANCE = HEADER_STANDARD_OPERANDS + 256;
export const HEADER_SPECIAL_LINE = HEADER_SPECIAL_ADVANCE + 256;
export const HEADER_BYTES = HEADER_SPECIAL_LINE + 256 * 4;

/** A row: address (64 bits), file and line (a word each). */
export const ROW_FILE = 8;
export const ROW_LINE = 12;
export const ROW_BYTES = 16;

/**
 * A wanted address: the address, and the number of bytes from it on in which a later row is accepted (64 bits each); file and line
 * of its row, and how that row was found, FOUND_… (a word each).
 */
export const WANTED_REACH = 8;
export const WANTED_FILE = 16;
export const WANTED_LINE = 20;
export const WANTED_FOUND = 24;
export const WANTED_BYTES = 32;

// How the row of a wanted address was found.
export const FOUND_NONE = 0;
/** The last row at or before the address. */
export const FOUND_BY_ADDRESS = 1;
/** The first row with a line at or after the address. */
export const FOUND_BY_NEXT_LINE = 2;

// Why runProgram returns.
export const PROGRAM_ENDED = 0;
export const PROGRAM_ROWS_FULL = 1;
/** The rows of the sequence must be sorted: an address is below the one before it. */
export const PROGRAM_ROWS_DESCEND = 2;
/** It ran DW_LNE_define_file. */
export const PROGRAM_FILE_DEFINED = 3;
export const PROGRAM_CUT_SHORT = 4;
/** DW_LNE_set_address has an unsupported address size. */
export const PROGRAM_ADDRESS_SIZE = 5;

// DIEs (assembly/debug-info.ts).

// Faults of a unit or of its abbreviations.
export const SCAN_NO_FAULT = 0;
export const SCAN_CUT_SHORT = 1;
export const SCAN_UNKNOWN_FORM = 2;
export const SCAN_CODE_TOO_LARGE = 3;
export const SCAN_UNKNOWN_CODE = 4;
export const SCAN_PAST_THE_END = 5;
export const SCAN_SIBLING_BEFORE = 6;
export const SCAN_TOO_DEEP = 7;

/** Maximum size of the records of an abbreviation table: RECORDS_SHARE bytes for each byte of the table, plus RECORDS_MORE. */
export const RECORDS_SHARE = 6;
export const RECORDS_MORE = 64;

/** Maximum number of slots for wantAddresses. */
export const WANTED_SLOTS_LIMIT = 1 << 24;
/** Flag in the index of a wanted address: the function begins after the address, within its size. */
export const IS_BEFORE = 1 << 30;

/** Maximum number of wanted addresses per DIE; a word each. */
export const MOST_MATCHES = 64;
/** Maximum number of nested functions: depth and offset of each; a word each. */
export const MOST_SCOPES = 4096;
export const SCOPE_DIE = 4;
export const SCOPE_BYTES = 8;
/** Memory that a scan needs. */
export const SCAN_BYTES = MOST_MATCHES * 4 + MOST_SCOPES * SCOPE_BYTES;

/** A found DIE: offset in the unit, offset of the enclosing function (0 for none), index of the wanted address; a word each. */
export const FOUND_SCOPE = 4;
export const FOUND_ADDRESS = 8;
export const FOUND_BYTES = 12;
/** Instead of an index: read the function's ranges to find its addresses. */
export const SEE_RANGES = 0xffffffff;
