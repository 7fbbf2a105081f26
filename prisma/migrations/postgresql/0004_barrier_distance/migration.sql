-- AlterTable
ALTER TABLE "Barrier" ADD COLUMN     "cosine" DOUBLE PRECISION,
ADD COLUMN     "distance" DOUBLE PRECISION;
