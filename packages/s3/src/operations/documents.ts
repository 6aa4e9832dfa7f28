import { MIB } from "@cess/std/units";
import { collectBody } from "../body/body.ts";
import type { Call } from "./operation.ts";

const DOCUMENT_BYTES_MAX = 2 * MIB;

/** The whole body of a request that carries a document. */
export function readDocument(call: Call): Promise<Uint8Array> {
  return collectBody(call.openBody(DOCUMENT_BYTES_MAX));
}
