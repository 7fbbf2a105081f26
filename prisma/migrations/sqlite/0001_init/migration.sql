-- CreateTable
CREATE TABLE "Run" (
    "seq" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "seed" BIGINT NOT NULL,
    "rounds" INTEGER NOT NULL,
    "finalRound" INTEGER NOT NULL DEFAULT 0,
    "engine" TEXT,
    "parameters" BIGINT,
    "layers" JSONB NOT NULL,
    "errorCode" TEXT,
    "errorMessage" TEXT,
    "runFile" TEXT NOT NULL,
    "joinTokenHash" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL,
    "startedAt" DATETIME,
    "endedAt" DATETIME
);

-- CreateTable
CREATE TABLE "Client" (
    "runId" TEXT NOT NULL,
    "client" INTEGER NOT NULL,
    "numTrain" INTEGER NOT NULL,
    "numTest" INTEGER NOT NULL,
    "labelCounts" JSONB NOT NULL,

    PRIMARY KEY ("runId", "client"),
    CONSTRAINT "Client_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Round" (
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "attempt" INTEGER NOT NULL,
    "loss" REAL,
    "accuracy" REAL,
    "selected" INTEGER NOT NULL,
    "completed" INTEGER NOT NULL,
    "dropped" INTEGER NOT NULL,
    "rejected" INTEGER NOT NULL,
    "averaged" JSONB NOT NULL,
    "durationMs" REAL NOT NULL,
    "phases" JSONB NOT NULL,
    "startedAt" DATETIME NOT NULL,
    "endedAt" DATETIME NOT NULL,

    PRIMARY KEY ("runId", "round"),
    CONSTRAINT "Round_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Update" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "client" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT,
    "process" TEXT,
    "numExamples" BIGINT,
    "trainLoss" REAL,
    "trainMs" REAL,
    "bytesUp" BIGINT NOT NULL,
    "bytesDown" BIGINT NOT NULL,
    CONSTRAINT "Update_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Metric" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "value" REAL,
    "client" INTEGER,
    "layer" TEXT,
    "split" TEXT,
    CONSTRAINT "Metric_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Barrier" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "path" TEXT NOT NULL,
    "layer" TEXT,
    "layers" JSONB NOT NULL,
    "order" TEXT,
    "base" INTEGER,
    "between" JSONB NOT NULL,
    "split" TEXT NOT NULL,
    "interpolation" JSONB NOT NULL,
    "loss" JSONB NOT NULL,
    "error" JSONB NOT NULL,
    "endpointLoss" JSONB NOT NULL,
    "endpointError" JSONB NOT NULL,
    "lossBarrier" REAL,
    "errorBarrier" REAL,
    CONSTRAINT "Barrier_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Checkpoint" (
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "file" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "stateFile" TEXT NOT NULL,
    "stateSha256" TEXT NOT NULL,

    PRIMARY KEY ("runId", "round"),
    CONSTRAINT "Checkpoint_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "Run_id_key" ON "Run"("id");

-- CreateIndex
CREATE INDEX "Run_status_seq_idx" ON "Run"("status", "seq");

-- CreateIndex
CREATE INDEX "Update_runId_round_id_idx" ON "Update"("runId", "round", "id");

-- CreateIndex
CREATE INDEX "Metric_runId_key_round_id_idx" ON "Metric"("runId", "key", "round", "id");

-- CreateIndex
CREATE INDEX "Metric_runId_round_id_idx" ON "Metric"("runId", "round", "id");

-- CreateIndex
CREATE INDEX "Barrier_runId_round_id_idx" ON "Barrier"("runId", "round", "id");
