export { fetchFrame, getJob, post, readEvents, runJob, submit } from "./client.js";
export { startTestFarm, type TestFarm, type TestFarmOptions, type WorkerProcess } from "./farm.js";
export { freePort } from "./free-port.js";
export { decodePng, meanDifference, type Pixels, readPng } from "./pictures.js";
export { faultyEnvironment, type ProcessFault, type StoreFault } from "./process-faults.js";
export { type FarmProcess, type ProcessOptions, REPOSITORY_ROOT, startProcess } from "./processes.js";
export { type RedisOptions, type RedisServer, startRedis } from "./redis.js";
export { type ProcessExit, type Supervised, supervise } from "./supervisor.js";
export { startTcpProxy, type TcpProxy } from "./tcp-proxy.js";
