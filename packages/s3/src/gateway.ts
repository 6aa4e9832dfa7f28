import type { Profile } from "@cess/params/profile";
import type { Clock } from "@cess/runtime/clock";
import type { Logger } from "@cess/runtime/logger";
import type { Metrics } from "@cess/runtime/metrics";
import type { Random } from "@cess/runtime/random";
import { composeServices, type Service } from "@cess/runtime/service";
import { MIB } from "@cess/std/units";
import type { Declarer, FileStore } from "@cess/storage-client/file-store";
import { createAdminHandler } from "./admin.ts";
import { createAuthenticator } from "./auth/authenticator.ts";
import { createContent } from "./content.ts";
import { createDeclarationLog, type DeclarationLog } from "./declaration-log.ts";
import { type S3ErrorCode, s3Error } from "./error.ts";
import { errorResponse } from "./error-document.ts";
import { createHandler } from "./handler.ts";
import { createHTTPServer } from "./http/server.ts";
import { createBucketIndex } from "./index/buckets.ts";
import { type CredentialStore, createCredentialStore } from "./index/credentials.ts";
import { createKeyring, type Keyring } from "./index/keyring.ts";
import type { MetaStore } from "./index/meta-store.ts";
import { createObjectIndex } from "./index/objects.ts";
import { createUploadIndex } from "./index/uploads.ts";
import { createGatewayMetrics } from "./metrics.ts";
import type { OperationDeps } from "./operations/operation.ts";

export interface GatewayDeps {
  readonly fileStore: FileStore;
  readonly declarer: Declarer;
  readonly metaStore: MetaStore;
  /** 32 bytes that seal bucket keys and secrets. Without it the store is unreadable. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface GatewayOptions {
  readonly host: string;
  /** 0 for any free port; likewise below. */
  readonly port: number;
  /** Where `/health` and `/metrics` are served. */
  readonly adminPort: number;
  readonly region: string;
  /** `bucket.<domain>` in the Host header names a bucket. */
  readonly baseDomains: readonly string[];
  readonly defaultProfile: Profile;
  readonly concurrentRequestsMax: number;
  readonly declarations: {
    readonly intervalMs: number;
    readonly retryMs: number;
    readonly refusedRetryMs: number;
  };
}

/** A running S3 endpoint. */
export interface Gateway extends Service {
  readonly credentials: CredentialStore;
  /** Ports it listens on, once started. */
  readonly port: number;
  readonly adminPort: number;
}

const PART_BYTES_MIN = 5 * MIB;

/** Builds a DeOSS gateway: S3 in front, the network's files and the chain behind. */
export function createGateway(deps: GatewayDeps, options: GatewayOptions): Gateway {
  const log = deps.log.child({ service: "gateway" });
  const keyring = createKeyring(deps.masterKey, deps.random);
  const credentials = createCredentialStore({ ...deps, keyring });
  const declarations = createDeclarationLog(deps, options.declarations);
  const operations = createOperationDeps(deps, { keyring, declarations, options });
  const authenticate = createAuthenticator({ ...deps, ...credentials }, options);
  const metrics = createGatewayMetrics(deps.metrics);
  const answer = createHandler(
    { ...deps, authenticate, operations, log, metrics },
    { baseDomains: options.baseDomains, concurrentMax: options.concurrentRequestsMax },
  );
  let isReady = false;
  const onBroken = (cause: unknown) => log.warn("response broken off", { cause });
  const front = createHTTPServer({ ...options, answer, onBroken, malformed });
  const admin = createHTTPServer({
    host: options.host,
    port: options.adminPort,
    answer: createAdminHandler(deps.metrics, () => isReady),
    onBroken,
    malformed,
  });
  const services = composeServices([admin, declarations, front]);
  return {
    credentials,
    get port() {
      return front.port;
    },
    get adminPort() {
      return admin.port;
    },
    async start() {
      await services.start();
      isReady = true;
    },
    async stop() {
      isReady = false;
      await services.stop();
    },
  };
}

function createOperationDeps(
  deps: GatewayDeps,
  {
    keyring,
    declarations,
    options,
  }: {
    readonly keyring: Keyring;
    readonly declarations: DeclarationLog;
    readonly options: GatewayOptions;
  },
): OperationDeps {
  const { metaStore, clock, random } = deps;
  const buckets = createBucketIndex({ metaStore, keyring, clock, random });
  const objects = createObjectIndex(metaStore);
  const uploads = createUploadIndex({ metaStore, clock, random, partSizeBytesMin: PART_BYTES_MIN });
  const content = createContent({ fileStore: deps.fileStore, buckets, partsOf: objects.parts });
  const { region, defaultProfile } = options;
  return {
    buckets,
    objects,
    uploads,
    content,
    declarations,
    metaReader: metaStore,
    clock,
    random,
    region,
    defaultProfile,
  };
}

/** Answers for what the HTTP parser already refuses. */
const MALFORMED = {
  headers: "RequestHeaderSectionTooLarge",
  body: "IncompleteBody",
  syntax: "BadRequest",
} as const satisfies Readonly<Record<string, S3ErrorCode>>;

const malformed: Parameters<typeof createHTTPServer>[0]["malformed"] = (reason) =>
  errorResponse(s3Error(MALFORMED[reason]), { requestId: "", resource: "" });
