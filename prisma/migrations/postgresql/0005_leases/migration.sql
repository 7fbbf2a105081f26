-- AlterTable
ALTER TABLE "Run" ADD COLUMN     "beat" INTEGER,
ADD COLUMN     "holder" TEXT,
ADD COLUMN     "holderName" TEXT,
ADD COLUMN     "holderProcess" TEXT,
ADD COLUMN     "seenAt" TIMESTAMP(3);
