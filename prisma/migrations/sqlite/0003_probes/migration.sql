-- AlterTable
ALTER TABLE "Barrier" ADD COLUMN "probe" INTEGER;

-- CreateTable
CREATE TABLE "Probe" (
    "runId" TEXT NOT NULL,
    "probe" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "request" TEXT NOT NULL,
    "done" INTEGER NOT NULL,
    "total" INTEGER NOT NULL,
    "errorCode" TEXT,
    "errorMessage" TEXT,
    "createdAt" DATETIME NOT NULL,
    "startedAt" DATETIME,
    "endedAt" DATETIME,
    "seenAt" DATETIME NOT NULL,

    PRIMARY KEY ("runId", "probe"),
    CONSTRAINT "Probe_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "Probe_status_idx" ON "Probe"("status");
