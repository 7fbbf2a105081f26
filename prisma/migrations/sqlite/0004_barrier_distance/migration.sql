-- AlterTable
ALTER TABLE "Barrier" ADD COLUMN "cosine" REAL;
ALTER TABLE "Barrier" ADD COLUMN "distance" REAL;
