import type { Logger } from "@cess/runtime/logger";
import type { Service } from "@cess/runtime/service";
import type { RoleConfig } from "./config.ts";
import { createGatewayRole } from "./roles/gateway.ts";
import { createStorageRole } from "./roles/storage.ts";
import { createTEERole } from "./roles/tee.ts";
import { createValidatorRole } from "./roles/validator.ts";
import type { RoleShared } from "./shared.ts";

/** A node as the command line and the local network run it. */
export interface Role extends Service {
  /** Cuts the node off without a farewell: sockets are destroyed, nothing is flushed. */
  kill(): Promise<void>;
  /** One line for a person: what the node is doing. */
  describe(): string;
}

/** Builds the node that `config` describes; `start` brings it up. */
export async function createRole(
  config: RoleConfig,
  log: Logger,
  shared: RoleShared,
): Promise<Role> {
  switch (config.role) {
    case "validator":
      return createValidatorRole(config, log, shared);
    case "storage":
      return createStorageRole(config, log, shared);
    case "tee":
      return createTEERole(config, log, shared);
    case "gateway":
      return createGatewayRole(config, log, shared);
  }
}
