import { closeSync, openSync, readSync } from "node:fs";

/** Offsets, sizes and tags of a 64-bit little-endian ELF file. Source: the ELF-64 object file format, version 1.5. */
const ELF = {
  magic: 0x464c457f,
  headerBytes: 64,
  sectionTableAt: 0x28,
  sectionCountAt: 0x3c,
  sectionBytes: 64,
  sectionTypeAt: 4,
  sectionOffsetAt: 24,
  sectionSizeAt: 32,
  sectionLinkAt: 40,
  typeDynamic: 6,
  entryBytes: 16,
  tagNeeded: 1n,
} as const;

/** Bytes of one table that are read: those of a library of 300 MB with thousands of symbols are below. */
const TABLE_BYTES_MAX = 64 * 1024 * 1024;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/**
 * The libraries that a shared library needs, as `readelf -d` lists them; without readelf, which few images hold.
 * @throws {RangeError} when the file is no ELF-64 file with a table of sections
 */
export function readNeededLibraries(path: string): readonly string[] {
  const file = openSync(path, "r");
  try {
    const read = (offset: number, size: number) => readAt(file, offset, size);
    const header = read(0, ELF.headerBytes);
    if (header.readUInt32LE(0) !== ELF.magic)
      throw new RangeError(`Cannot read ${path} as ELF: magic is another`);
    const tableAt = Number(header.readBigUInt64LE(ELF.sectionTableAt));
    const count = header.readUInt16LE(ELF.sectionCountAt);
    const sections = Array.from({ length: count }, (_, i) =>
      readSection(read(tableAt + i * ELF.sectionBytes, ELF.sectionBytes)),
    );
    const dynamic = sections.find(({ type }) => type === ELF.typeDynamic);
    const strings = sections[dynamic?.link ?? -1];
    if (dynamic === undefined || strings === undefined) return [];
    return neededNames(read(dynamic.offset, dynamic.size), read(strings.offset, strings.size));
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, offset: number, size: number): Buffer {
  if (size > TABLE_BYTES_MAX) throw new RangeError(`Cannot read a table: its size is ${size} bytes`);
  const bytes = Buffer.alloc(size);
  const got = readSync(file, bytes, 0, size, offset);
  if (got !== size)
    throw new RangeError(`Cannot read ${size} bytes at ${offset}: the file ends after ${got}`);
  return bytes;
}

function readSection(bytes: Buffer): Section {
  return {
    type: bytes.readUInt32LE(ELF.sectionTypeAt),
    offset: Number(bytes.readBigUInt64LE(ELF.sectionOffsetAt)),
    size: Number(bytes.readBigUInt64LE(ELF.sectionSizeAt)),
    link: bytes.readUInt32LE(ELF.sectionLinkAt),
  };
}

function neededNames(dynamic: Buffer, strings: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at + ELF.entryBytes <= dynamic.length; at += ELF.entryBytes) {
    if (dynamic.readBigUInt64LE(at) !== ELF.tagNeeded) continue;
    const start = Number(dynamic.readBigUInt64LE(at + ELF.entryBytes / 2));
    names.push(strings.toString("utf8", start, strings.indexOf(0, start)));
  }
  return names;
}
