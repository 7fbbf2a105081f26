-- AlterTable
ALTER TABLE "Run" ADD COLUMN     "dataSha256" TEXT,
ADD COLUMN     "modelSourceSha256" TEXT;

-- AlterTable
ALTER TABLE "Round" ADD COLUMN     "diverged" BOOLEAN,
ADD COLUMN     "engine" TEXT;
