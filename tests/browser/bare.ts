/** A page with nothing but the worker's keeper: what the runtime's tests and benchmarks drive. */

import { host } from "../../embed/player/host";

Object.assign(globalThis, { host: host(new URL("runtime/", location.href)) });
