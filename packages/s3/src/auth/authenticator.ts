import type { Clock } from "@cess/runtime/clock";
import { BoundedMap } from "@cess/std/bounded-map";
import type { Hex } from "@cess/std/bytes";
import { S3Error, s3Error } from "../error.ts";
import type { S3Request } from "../http/request.ts";
import type { Credential } from "../index/credentials.ts";
import { type Payload, type PayloadMode, payloadOf, readPayloadMode } from "./payload.ts";
import { type Presented, readPresented } from "./presented.ts";
import {
  type CredentialScope,
  canonicalRequestOf,
  isSameSignature,
  scopeText,
  signatureOf,
  signingKeyOf,
  stringToSignOf,
} from "./signature.ts";

/** Who sent a request, once its signature holds. */
export interface Identity {
  readonly accessKeyId: string;
  readonly account: Hex;
  readonly territory: Hex;
}

export interface Authentication {
  /** Undefined for a request without any signature. */
  readonly identity: Identity | undefined;
  readonly payload: Payload;
}

export interface AuthenticatorDeps {
  readonly findCredential: (accessKeyId: string) => Credential | undefined;
  readonly clock: Clock;
}

export interface AuthenticatorOptions {
  readonly region: string;
}

export type Authenticate = (request: S3Request) => Authentication;

const SKEW_MAX_MS = 15 * 60 * 1000;
const SIGNING_KEYS_CACHED_MAX = 1024;
const ANONYMOUS: Authentication = { identity: undefined, payload: { kind: "unsigned" } };

/** Checks Signature Version 4, in the header or in the query. */
export function createAuthenticator(
  deps: AuthenticatorDeps,
  options: AuthenticatorOptions,
): Authenticate {
  const signingKeys = new BoundedMap<string, Uint8Array>(SIGNING_KEYS_CACHED_MAX);

  function signingKeyFor(credential: Credential, scope: CredentialScope): Uint8Array {
    const name = `${credential.accessKeyId}/${scopeText(scope)}`;
    const cached = signingKeys.get(name);
    if (cached !== undefined) return cached;
    const key = signingKeyOf(credential.secretAccessKey, scope);
    signingKeys.set(name, key);
    return key;
  }

  return (request) => {
    const mode = readPayloadMode(request);
    const presented = readPresented(request);
    if (presented === undefined) return ANONYMOUS;
    assertRegion(presented, options.region);
    assertTime(presented, deps.clock.wallMs());
    assertAmzHeadersSigned(request, presented);
    const credential = deps.findCredential(presented.accessKeyId);
    if (credential === undefined) {
      const fields = { AWSAccessKeyId: presented.accessKeyId };
      throw new S3Error({ code: "InvalidAccessKeyId", fields });
    }
    const signingKey = signingKeyFor(credential, presented.scope);
    const payloadMode = effectiveMode(mode, presented);
    assertSignature(request, { presented, payloadMode, signingKey });
    const { accessKeyId, account, territory } = credential;
    const { timestamp, scope, signature: seedSignature } = presented;
    const payload = payloadOf(payloadMode, { signingKey, timestamp, scope, seedSignature });
    return { identity: { accessKeyId, account, territory }, payload };
  };
}

/** A presigned URL leaves the body open unless it says otherwise; a header may not. */
function effectiveMode(mode: PayloadMode | undefined, presented: Presented): PayloadMode {
  if (mode !== undefined) return mode;
  if (presented.expiresSeconds !== undefined) return "UNSIGNED-PAYLOAD";
  throw s3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
}

function assertRegion({ scope, expiresSeconds }: Presented, region: string): void {
  if (scope.region === region) return;
  const isPresigned = expiresSeconds !== undefined;
  const code = isPresigned ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed";
  const message = `The region '${scope.region}' is wrong; expecting '${region}'.`;
  throw new S3Error({ code, fields: { Region: region } }, message);
}

function assertTime({ timestampMs, expiresSeconds }: Presented, nowMs: number): void {
  const serverTime = new Date(nowMs).toISOString();
  if (expiresSeconds === undefined) {
    if (Math.abs(nowMs - timestampMs) <= SKEW_MAX_MS) return;
    const fields = { ServerTime: serverTime, MaxAllowedSkewMilliseconds: String(SKEW_MAX_MS) };
    throw new S3Error({ code: "RequestTimeTooSkewed", fields });
  }
  if (timestampMs > nowMs + SKEW_MAX_MS) throw s3Error("AccessDenied", "Request is not yet valid.");
  const expiryMs = timestampMs + expiresSeconds * 1000;
  if (nowMs <= expiryMs) return;
  const fields = { Expires: new Date(expiryMs).toISOString(), ServerTime: serverTime };
  throw new S3Error({ code: "AccessDenied", fields }, "Request has expired");
}

/** Nobody on the way may add an `x-amz-` header: many of them change what a request does. */
function assertAmzHeadersSigned(request: S3Request, presented: Presented): void {
  const isPresigned = presented.expiresSeconds !== undefined;
  const unsigned = [...request.headers.keys()].filter((name) => {
    if (!name.startsWith("x-amz-") || presented.signedHeaders.includes(name)) return false;
    // The hash itself is part of the signature unless the URL leaves the body open.
    return !(isPresigned && name === "x-amz-content-sha256");
  });
  if (unsigned.length === 0) return;
  const fields = { HeadersNotSigned: unsigned.join(", ") };
  const message = "There were headers present in the request which were not signed";
  throw new S3Error({ code: "AccessDenied", fields }, message);
}

function assertSignature(
  request: S3Request,
  {
    presented,
    payloadMode,
    signingKey,
  }: {
    readonly presented: Presented;
    readonly payloadMode: PayloadMode;
    readonly signingKey: Uint8Array;
  },
): void {
  const canonicalRequest = canonicalRequestOf({
    ...request,
    query: request.query.filter(({ name }) => name !== "X-Amz-Signature"),
    signedHeaders: presented.signedHeaders,
    payloadHash: typeof payloadMode === "object" ? payloadMode.sha256Hex : payloadMode,
  });
  const stringToSign = stringToSignOf(canonicalRequest, presented.timestamp, presented.scope);
  if (isSameSignature(signatureOf(signingKey, stringToSign), presented.signature)) return;
  const { accessKeyId: AWSAccessKeyId, signature: SignatureProvided } = presented;
  const fields = {
    AWSAccessKeyId,
    StringToSign: stringToSign,
    SignatureProvided,
    CanonicalRequest: canonicalRequest,
  };
  throw new S3Error({ code: "SignatureDoesNotMatch", fields });
}
