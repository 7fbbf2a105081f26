-- AlterTable
ALTER TABLE "Run" ADD COLUMN "dataSha256" TEXT;
ALTER TABLE "Run" ADD COLUMN "modelSourceSha256" TEXT;

-- AlterTable
ALTER TABLE "Round" ADD COLUMN "diverged" BOOLEAN;
ALTER TABLE "Round" ADD COLUMN "engine" TEXT;
