import { CHECKSUM_ALGORITHMS, checksumElement, checksumHeader } from "../body/checksum.ts";
import { S3Error, s3Error } from "../error.ts";
import type { HeaderMap } from "../http/headers.ts";
import { xmlResponse } from "../http/response.ts";
import type { SealedExtent } from "../index/records.ts";
import type { ListedPart } from "../index/uploads.ts";
import { parseXML, type XMLElement } from "../xml.ts";
import { checksumElements } from "./checksum-headers.ts";
import { quoteETag, unquoteETag, writePrecondition } from "./conditions.ts";
import { readDocument } from "./documents.ts";
import { ownUpload } from "./multipart.ts";
import type { Operation } from "./operation.ts";
import { awaitDurability } from "./put-object.ts";

const PARTS_MAX = 10_000;

export const completeMultipartUpload: Operation = async (deps, call) => {
  const address = ownUpload(deps, call);
  const { headers } = call.request;
  const parts = parseParts(await readDocument(call));
  const record = await deps.uploads.complete(address, {
    parts,
    checksum: readChecksum(headers),
    sizeBytes: readSize(headers),
    precondition: writePrecondition(headers, address.key),
  });
  await awaitDurability(deps, call, extentsOf(deps.objects.parts(address.uploadId)));
  return xmlResponse("CompleteMultipartUploadResult", {
    Location: `/${address.bucket.name}/${address.key}`,
    Bucket: address.bucket.name,
    Key: address.key,
    ETag: quoteETag(record.etag),
    ...checksumElements(record.checksum),
  });
};

function parseParts(document: Uint8Array): readonly ListedPart[] {
  const parts = parseXML(document, "CompleteMultipartUpload", "CompleteMultipartUploadRequest")
    .children("Part")
    .map(parsePart);
  if (parts.length === 0 || parts.length > PARTS_MAX) throw s3Error("MalformedXML");
  return parts;
}

function parsePart(element: XMLElement): ListedPart {
  const number = element.textOf("PartNumber")?.trim() ?? "";
  const etag = element.textOf("ETag");
  if (!/^\d{1,5}$/.test(number) || etag === undefined) throw s3Error("MalformedXML");
  const [checksum] = CHECKSUM_ALGORITHMS.flatMap(
    (algorithm) => element.textOf(checksumElement(algorithm)) ?? [],
  );
  return { number: Number(number), etag: unquoteETag(etag), checksum };
}

/** Of the whole object; some clients repeat `-<parts>` after a composite one, some do not. */
function readChecksum(headers: HeaderMap): string | undefined {
  const [checksum] = CHECKSUM_ALGORITHMS.flatMap(
    (algorithm) => headers.get(checksumHeader(algorithm)) ?? [],
  );
  return checksum;
}

function readSize(headers: HeaderMap): number | undefined {
  const text = headers.get("x-amz-mp-object-size");
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw new S3Error({ code: "InvalidRequest" }, "Value for x-amz-mp-object-size is invalid.");
  }
  return Number(text);
}

function extentsOf(
  parts: Iterable<{ readonly part: { readonly extent: SealedExtent | undefined } }>,
): readonly SealedExtent[] {
  return [...parts].flatMap(({ part }) => part.extent ?? []);
}
