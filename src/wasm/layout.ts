// What TypeScript and AssemblyScript must agree on: how memory is laid out, and what the numbers mean that functions return. Both
// import this file. Sizes and offsets are in bytes, words have 32 bits.

/** The most pages of 64 KiB that a memory may have; scripts/wasm.mjs compiles the program for it. */
export const MEMORY_PAGES = 32768;

/**
 * How many zeros must follow all bytes that the program parses. They end a LEB128 number, a string or a table that the bytes cut
 * short, and a read of fixed size that begins within the bytes ends within the zeros: so a bound is checked once after several reads.
 */
export const PADDING = 32;

// Symbol tables (assembly/listing.ts).

/** What describeSymbols must know of the file, a bit each. */
export const FILE_IS_64 = 1;
export const FILE_IS_LITTLE_ENDIAN = 2;
export const FILE_EXTENDS_SIGN = 4;

/** How many zeros must follow a string table: names are read eight bytes at a time. */
export const STRING_PADDING = 8;

/** A key stands for a symbol and sorts it. */
export const KEY_BYTES = 8;
/** What collectSymbols returns, instead of the end of the keys, when a name lies outside the strings. */
export const NAME_OUTSIDE_STRINGS = 0;

/** What is known of each symbol: where its name begins in the strings, where it ends, its hash, its letter and above that its kind. */
export const KNOWN_NAME_END = 4;
export const KNOWN_NAME_HASH = 8;
export const KNOWN_LETTER = 12;
/** How far the kind is above the letter. */
export const KNOWN_KIND_SHIFT = 8;
export const KNOWN_BYTES = 16;

/** Keys are sorted by three digits of twelve bits; a word counts each value of each digit. */
export const KEY_DIGITS = 3;
export const DIGIT_VALUES = 1 << 12;
export const DIGIT_COUNTS_BYTES = KEY_DIGITS * DIGIT_VALUES * 4;

/** The columns of a listing, in this order, a word a symbol; the last two have a byte a symbol. */
export const COLUMN_NAME_START = 0;
export const COLUMN_NAME_END = 1;
export const COLUMN_ADDRESS_HIGH = 2;
export const COLUMN_ADDRESS_LOW = 3;
export const COLUMN_NAME_HASH = 4;
export const COLUMN_TABLE_INDEX = 5;
/** The letters, followed by the kinds. */
export const COLUMN_TYPE = 6;
/** What all columns take a symbol. */
export const COLUMNS_BYTES = COLUMN_TYPE * 4 + 2;

/** Marks the letter of a section that has the variables of one CPU. */
export const SECTION_IS_PER_CPU = 0x80;

// Names (assembly/names.ts).

/** In a column of symbols: none. */
export const NO_SYMBOL = -1;
/** A hash that stands for a symbol that is not counted. */
export const NOT_COUNTED = 0;
/** A slot of the table of hashes: a hash, and the first symbol that has it, a word each. */
export const SLOT_SYMBOL = 4;
export const SLOT_BYTES = 8;

// Abbreviations (assembly/abbreviations.ts): what findAbbreviation returns when it finds none.

export const NOT_LISTED = -1;
/** The bytes end before the table does. */
export const TABLE_CUT_SHORT = -2;

// Root DIEs (assembly/unit.ts).

/** What readUnitHeader returns for a unit that is not in the common form. */
export const NOT_PLAIN = -1;

/** The attributes that readRoot reads, in this order: the form (0 for an absent one), the value's lower and its upper half, a word each. */
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

/** A range: its start, its end, the unit that owns it, and the furthest end of all ranges up to this one, 64 bits each. */
export const RANGE_END = 8;
export const RANGE_OWNER = 16;
export const RANGE_REACH = 24;
export const RANGE_BYTES = 32;
/** The smallest tuple of .debug_aranges. */
export const ARANGE_TUPLE_BYTES = 8;
/** What findRange returns when no range holds the address. */
export const NO_RANGE = 0;

// File tables (assembly/file-table.ts).

/** What findFile returns for tables that are not in the common form, and for a file that they do not list. */
export const FILE_NOT_FOUND = -1;
/** The names that findFile gives, in this order: of the file, of its directory, and of the first directory. */
export const FILE_NAME = 0;
export const FILE_DIRECTORY = 1;
export const FILE_FIRST_DIRECTORY = 2;
/** A name: its form and its offset, a word each. */
export const NAME_OFFSET = 4;
export const NAME_BYTES = 8;
export const NAMES_BYTES = 3 * NAME_BYTES;

// Line programs (assembly/line-program.ts).

/**
 * What a program's header says: four words, then by opcode the number of operands and what a special opcode adds to the address, a
 * byte each, and what it adds to the line, a word each.
 */
export const HEADER_OPCODE_BASE = 0;
export const HEADER_MINIMUM_LENGTH = 4;
export const HEADER_MAXIMUM_OPERATIONS = 8;
export const HEADER_LITTLE_ENDIAN = 12;
export const HEADER_STANDARD_OPERANDS = 16;
export const HEADER_SPECIAL_ADVANCE = HEADER_STANDARD_OPERANDS + 256;
export const HEADER_SPECIAL_LINE = HEADER_SPECIAL_ADVANCE + 256;
export const HEADER_BYTES = HEADER_SPECIAL_LINE + 256 * 4;

/** A row: its address (64 bits), file and line (a word each). */
export const ROW_FILE = 8;
export const ROW_LINE = 12;
export const ROW_BYTES = 16;

/**
 * An address that is looked up: the address, and the number of bytes from there on in which a later row is accepted (64 bits each);
 * the file and line of its row, and which row that is (a word each).
 */
export const WANTED_REACH = 8;
export const WANTED_FILE = 16;
export const WANTED_LINE = 20;
export const WANTED_FOUND = 24;
export const WANTED_BYTES = 32;

/** Which row was found: none, the last one at or before the address, the first one after it that has a line. */
export const FOUND_NONE = 0;
export const FOUND_BY_ADDRESS = 1;
export const FOUND_BY_NEXT_LINE = 2;

/** Why runProgram returns. */
export const PROGRAM_ENDED = 0;
export const PROGRAM_ROWS_FULL = 1;
/** The rows of a sequence are to be sorted: some address is below the one before it. */
export const PROGRAM_ROWS_DESCEND = 2;
/** DW_LNE_define_file. */
export const PROGRAM_FILE_DEFINED = 3;
export const PROGRAM_CUT_SHORT = 4;
/** DW_LNE_set_address with a size that no address has. */
export const PROGRAM_ADDRESS_SIZE = 5;

// DIEs (assembly/debug-info.ts).

/** What is wrong with a unit or its abbreviations. */
export const SCAN_NO_FAULT = 0;
export const SCAN_CUT_SHORT = 1;
export const SCAN_UNKNOWN_FORM = 2;
export const SCAN_CODE_TOO_LARGE = 3;
export const SCAN_UNKNOWN_CODE = 4;
export const SCAN_PAST_THE_END = 5;
export const SCAN_SIBLING_BEFORE = 6;
export const SCAN_TOO_DEEP = 7;

/** What the records of a table of abbreviations take: so much for each byte of the table, and so much more. */
export const RECORDS_SHARE = 6;
export const RECORDS_MORE = 64;

/** The most slots that wantAddresses can fill. */
export const WANTED_SLOTS_LIMIT = 1 << 24;

/** The most addresses that one DIE is found for, a word each. */
export const MOST_MATCHES = 64;
/** The most functions that hold each other: the depth and the offset of each, a word each. */
export const MOST_SCOPES = 4096;
export const SCOPE_DIE = 4;
export const SCOPE_BYTES = 8;
/** What a scan needs room for. */
export const SCAN_BYTES = MOST_MATCHES * 4 + MOST_SCOPES * SCOPE_BYTES;

/** A DIE that was found: its offset in the unit, that of the function that holds it (0 for none), and the index of its address. */
export const FOUND_SCOPE = 4;
export const FOUND_ADDRESS = 8;
export const FOUND_BYTES = 12;
/** Instead of an index: the pieces of the function are to be looked at. */
export const SEE_RANGES = 0xffffffff;
