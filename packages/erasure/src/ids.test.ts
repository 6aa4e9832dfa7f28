import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { CodecError, decode, encode } from "@cess/codec/codec";
import { columnCount, PROFILES, SEGMENT_BYTES_MAX } from "@cess/params/profile";
import { bytesToHex, concatBytes } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import {
  createFragmentPath,
  type FileIdentity,
  type FragmentPath,
  fileIdOf,
  fragmentPathCodec,
  isFragmentOf,
  segmentIdOf,
} from "./ids.ts";

const sha256 = (...parts: readonly Uint8Array[]) =>
  new Uint8Array(
    createHash("sha256")
      .update(concatBytes(...parts))
      .digest(),
  );
const leaf = (bytes: Uint8Array) => sha256(Uint8Array.of(0), bytes);
const node = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right);

/** A file of three segments in the standard profile, with made-up fragment ids. */
const profile = PROFILES.standard;
const fileSizeBytes = 2 * SEGMENT_BYTES_MAX + 99;
const fragmentIds = Array.from({ length: 3 }, (_, segment) =>
  Array.from({ length: 12 }, (_, column) => sha256(Uint8Array.of(segment, column))),
);
const segmentIds = fragmentIds.map(segmentIdOf);
const file: FileIdentity = {
  fid: fileIdOf({ profile, fileSizeBytes }, segmentIds),
  profile,
  fileSizeBytes,
};

function idAt(segmentIndex: number, column: number): Uint8Array {
  return fragmentIds[segmentIndex]?.[column] as Uint8Array;
}

function pathAt(segmentIndex: number, column: number): FragmentPath {
  const ids = { segmentIds, fragmentIds: fragmentIds[segmentIndex] as Uint8Array[] };
  return createFragmentPath({ segmentIndex, column }, ids);
}

describe("ids", () => {
  test("a fid is the hash of domain, profile, size and tree, put together by hand", () => {
    const [first, second, third] = segmentIds.map(leaf) as [Uint8Array, Uint8Array, Uint8Array];
    const root = node(node(first, second), third);
    const size = Uint8Array.of(0, 0, 0, 0, 0x04, 0, 0, 99);
    const expected = sha256(Buffer.from("cess/file/v1"), Uint8Array.of(0), size, root);
    assert.deepEqual(file.fid, expected);
  });

  test("vector: the fid of that file", () => {
    const pinned = "0xbe35f1c2fb298583cbedb8ddfc415c7063ee3d98b11209d788986a130d083dce";
    assert.equal(bytesToHex(file.fid), pinned);
  });

  test("profile and size are under the fid", () => {
    const others = [
      fileIdOf({ profile: PROFILES.economy, fileSizeBytes }, segmentIds),
      fileIdOf({ profile, fileSizeBytes: fileSizeBytes + 1 }, segmentIds),
    ];
    for (const other of others) assert.notDeepEqual(other, file.fid);
    assert.throws(
      () => fileIdOf({ profile, fileSizeBytes: 0 }, []),
      (cause) => hasCode(cause, "FILE_SIZE_INVALID"),
    );
  });
});

describe("fragment paths", () => {
  test("lead from every fragment to the file, also through the codec", () => {
    for (let segment = 0; segment < 3; segment += 1) {
      for (let column = 0; column < 12; column += 1) {
        const wire = encode(fragmentPathCodec, pathAt(segment, column));
        assert(isFragmentOf(file, idAt(segment, column), decode(fragmentPathCodec, wire)));
      }
    }
  });

  test("lead to files of every profile and of other lengths, and nowhere beyond them", () => {
    for (const other of Object.values(PROFILES)) {
      for (const segments of [1, 2, 5, 1000]) {
        const columns = columnCount(other);
        const ids = Array.from({ length: columns }, (_, column) => sha256(Uint8Array.of(column)));
        const segmentIds = Array<Uint8Array>(segments).fill(segmentIdOf(ids));
        const sizes = { profile: other, fileSizeBytes: segments * SEGMENT_BYTES_MAX };
        const identity = { ...sizes, fid: fileIdOf(sizes, segmentIds) };
        const place = { segmentIndex: segments - 1, column: columns - 1 };
        const path = createFragmentPath(place, { segmentIds, fragmentIds: ids });
        const accepts = (each: FragmentPath) =>
          isFragmentOf(identity, ids.at(-1) as Uint8Array, each);
        assert(accepts(decode(fragmentPathCodec, encode(fragmentPathCodec, path))));
        assert.equal(accepts({ ...path, segmentIndex: segments }), false);
        assert.equal(accepts({ ...path, column: columns }), false);
      }
    }
  });

  test("attack: a fragment passed off as another column or segment is refused", () => {
    const path = pathAt(1, 5);
    for (let segmentIndex = 0; segmentIndex < 4; segmentIndex += 1) {
      for (let column = 0; column < 17; column += 1) {
        const isTrue = segmentIndex === 1 && column === 5;
        assert.equal(isFragmentOf(file, idAt(1, 5), { ...path, segmentIndex, column }), isTrue);
        if (column < 12 && segmentIndex < 3 && !isTrue) {
          assert.equal(isFragmentOf(file, idAt(segmentIndex, column), path), false);
        }
      }
    }
  });

  test("attack: the same ids under another size or profile are refused", () => {
    const [id, path] = [idAt(2, 0), pathAt(2, 0)];
    const refused = (other: Partial<FileIdentity>) =>
      assert.equal(isFragmentOf({ ...file, ...other }, id, path), false);
    refused({ fileSizeBytes: fileSizeBytes - 1 });
    refused({ fileSizeBytes: 4 * SEGMENT_BYTES_MAX });
    refused({ profile: PROFILES.economy });
    refused({ profile: PROFILES.critical });
  });

  test("attack: a segment id posing as a fragment, and paths cut or extended, are refused", () => {
    const [id, path] = [idAt(0, 3), pathAt(0, 3)];
    const refused = (fragmentId: Uint8Array, change: Partial<FragmentPath>) =>
      assert.equal(isFragmentOf(file, fragmentId, { ...path, ...change }), false);
    refused(segmentIds[0] as Uint8Array, { segmentPath: [] });
    refused(id, { segmentPath: path.segmentPath.slice(1) });
    refused(id, { segmentPath: [...path.segmentPath, id] });
    refused(id, { filePath: path.filePath.slice(1) });
    refused(id, { filePath: [...path.filePath, id] });
    refused(id, { segmentPath: [...path.segmentPath, ...path.filePath], filePath: [] });
  });
});

describe("the codec of fragment paths", () => {
  test("attack: a path longer than any file's is refused before it is read", () => {
    const long: FragmentPath = { ...pathAt(0, 0), segmentPath: Array(4).fill(file.fid) };
    const wire = encode(fragmentPathCodec, long);
    // The count of segmentPath follows two bytes of segment and one of column.
    new DataView(wire.buffer).setUint32(3, 5);
    assert.throws(() => decode(fragmentPathCodec, wire), CodecError);
    assert.equal(isFragmentOf(file, idAt(0, 0), long), false);
  });

  test("vector: wire format", () => {
    const wire = encode(fragmentPathCodec, pathAt(2, 11));
    const path = pathAt(2, 11);
    const u32 = (value: number) => Uint8Array.of(0, 0, 0, value);
    const expected = concatBytes(
      Uint8Array.of(0, 2, 11),
      u32(path.segmentPath.length),
      ...path.segmentPath,
      u32(path.filePath.length),
      ...path.filePath,
    );
    assert.deepEqual(wire, expected);
    assert.deepEqual([path.segmentPath.length, path.filePath.length], [3, 1]);
  });
});
