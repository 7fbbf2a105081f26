-- AlterTable
ALTER TABLE "Barrier" ADD COLUMN     "probe" INTEGER;

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
    "createdAt" TIMESTAMP(3) NOT NULL,
    "startedAt" TIMESTAMP(3),
    "endedAt" TIMESTAMP(3),
    "seenAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Probe_pkey" PRIMARY KEY ("runId","probe")
);

-- CreateIndex
CREATE INDEX "Probe_status_idx" ON "Probe"("status");

-- AddForeignKey
ALTER TABLE "Probe" ADD CONSTRAINT "Probe_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run"("id") ON DELETE CASCADE ON UPDATE CASCADE;
