import { createDirectory } from "@cess/chain-client/directory";
