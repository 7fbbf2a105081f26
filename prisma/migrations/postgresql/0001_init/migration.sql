-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "Run" (
    "seq" SERIAL NOT NULL,
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
    "createdAt" TIMESTAMP(3) NOT NULL,
    "startedAt" TIMESTAMP(3),
    "endedAt" TIMESTAMP(3),

    CONSTRAINT "Run_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "Client" (
    "runId" TEXT NOT NULL,
    "client" INTEGER NOT NULL,
    "numTrain" INTEGER NOT NULL,
    "numTest" INTEGER NOT NULL,
    "labelCounts" JSONB NOT NULL,

    CONSTRAINT "Client_pkey" PRIMARY KEY ("runId","client")
);

-- CreateTable
CREATE TABLE "Round" (
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "attempt" INTEGER NOT NULL,
    "loss" DOUBLE PRECISION,
    "accuracy" DOUBLE PRECISION,
    "selected" INTEGER NOT NULL,
    "completed" INTEGER NOT NULL,
    "dropped" INTEGER NOT NULL,
    "rejected" INTEGER NOT NULL,
    "averaged" JSONB NOT NULL,
    "durationMs" DOUBLE PRECISION NOT NULL,
    "phases" JSONB NOT NULL,
    "startedAt" TIMESTAMP(3) NOT NULL,
    "endedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Round_pkey" PRIMARY KEY ("runId","round")
);

-- CreateTable
CREATE TABLE "Update" (
    "id" SERIAL NOT NULL,
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "client" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT,
    "process" TEXT,
    "numExamples" BIGINT,
    "trainLoss" DOUBLE PRECISION,
    "trainMs" DOUBLE PRECISION,
    "bytesUp" BIGINT NOT NULL,
    "bytesDown" BIGINT NOT NULL,

    CONSTRAINT "Update_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Metric" (
    "id" SERIAL NOT NULL,
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    "value" DOUBLE PRECISION,
    "client" INTEGER,
    "layer" TEXT,
    "split" TEXT,

    CONSTRAINT "Metric_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Barrier" (
    "id" SERIAL NOT NULL,
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
    "lossBarrier" DOUBLE PRECISION,
    "errorBarrier" DOUBLE PRECISION,

    CONSTRAINT "Barrier_pkey" PRIMARY KEY ("id")
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

    CONSTRAINT "Checkpoint_pkey" PRIMARY KEY ("runId","round")
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

-- AddForeignKey
ALTER TABLE "Client" ADD CONSTRAINT "Client_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Round" ADD CONSTRAINT "Round_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Update" ADD CONSTRAINT "Update_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Metric" ADD CONSTRAINT "Metric_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Barrier" ADD CONSTRAINT "Barrier_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Checkpoint" ADD CONSTRAINT "Checkpoint_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;
