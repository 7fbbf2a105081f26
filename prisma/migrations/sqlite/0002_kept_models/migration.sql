-- CreateTable
CREATE TABLE "KeptModel" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "runId" TEXT NOT NULL,
    "round" INTEGER NOT NULL,
    "client" INTEGER,
    "file" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL,
    CONSTRAINT "KeptModel_runId_fkey" FOREIGN KEY ("runId") REFERENCES "Run" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "KeptModel_runId_round_id_idx" ON "KeptModel"("runId", "round", "id");
