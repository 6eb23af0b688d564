using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DCCL.Trainers.Din;

/// <summary>
/// Products of matrices so small that they stay in the first-level cache, where a general matrix library spends most of
/// its time on the call.
/// </summary>
/// <remarks>
/// Uses 512-bit vectors; without hardware support the runtime maps each to two of 256 bits. Accumulation runs in ascending
/// order of the inner index, so that results do not depend on how the work is divided.
/// </remarks>
internal static unsafe class MatrixTile
{
    /// <summary>The multiple to which the column count of a tile is padded.</summary>
    public const int Width = 16;

    /// <summary>Rounds a number of columns up to a multiple of <see cref="Width"/>.</summary>
    public static int Pad(int columns) => (columns + Width - 1) / Width * Width;

    /// <summary>
    /// Computes <c>c = x y</c> with <c>x</c> [rows, inner] given by its two strides, <c>y</c> [inner, columns] and
    /// <c>c</c> [rows, columns]; or <c>c += x y</c>.
    /// </summary>
    public static void Multiply(
        float* x, int xRow, int xColumn, float* y, int yRow, float* c, int cRow, int rows, int columns, int inner, bool accumulate)
    {
        int column = 0;
        for (; column + 64 <= columns; column += 64)
        {
            int row = 0;
            for (; row + 6 <= rows; row += 6)
            {
                Block6x64(x + (row * xRow), xRow, xColumn, y + column, yRow, c + (row * cRow) + column, cRow, inner, accumulate);
            }

            for (; row < rows; row++)
            {
                Row64(x + (row * xRow), xColumn, y + column, yRow, c + (row * cRow) + column, inner, accumulate);
            }
        }

        for (; column + 32 <= columns; column += 32)
        {
            int row = 0;
            for (; row + 6 <= rows; row += 6)
            {
                Block6x32(x + (row * xRow), xRow, xColumn, y + column, yRow, c + (row * cRow) + column, cRow, inner, accumulate);
            }

            for (; row < rows; row++)
            {
                Row16(x + (row * xRow), xColumn, y + column, yRow, c + (row * cRow) + column, inner, accumulate);
                Row16(x + (row * xRow), xColumn, y + column + 16, yRow, c + (row * cRow) + column + 16, inner, accumulate);
            }
        }

        for (; column < columns; column += 16)
        {
            for (int row = 0; row < rows; row++)
            {
                Row16(x + (row * xRow), xColumn, y + column, yRow, c + (row * cRow) + column, inner, accumulate);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block6x64(
        float* x, int xRow, int xColumn, float* y, int yRow, float* c, int cRow, int inner, bool accumulate)
    {
        Vector512<float> c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23;
        Vector512<float> c30, c31, c32, c33, c40, c41, c42, c43, c50, c51, c52, c53;
        if (accumulate)
        {
            (c00, c01, c02, c03) = Load64(c);
            (c10, c11, c12, c13) = Load64(c + cRow);
            (c20, c21, c22, c23) = Load64(c + (2 * cRow));
            (c30, c31, c32, c33) = Load64(c + (3 * cRow));
            (c40, c41, c42, c43) = Load64(c + (4 * cRow));
            (c50, c51, c52, c53) = Load64(c + (5 * cRow));
        }
        else
        {
            c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = c20 = c21 = c22 = c23 = Vector512<float>.Zero;
            c30 = c31 = c32 = c33 = c40 = c41 = c42 = c43 = c50 = c51 = c52 = c53 = Vector512<float>.Zero;
        }

        for (int k = 0; k < inner; k++)
        {
            Vector512<float> y0 = Vector512.Load(y);
            Vector512<float> y1 = Vector512.Load(y + 16);
            Vector512<float> y2 = Vector512.Load(y + 32);
            Vector512<float> y3 = Vector512.Load(y + 48);
            Vector512<float> a = Vector512.Create(x[0]);
            c00 = Vector512.FusedMultiplyAdd(a, y0, c00);
            c01 = Vector512.FusedMultiplyAdd(a, y1, c01);
            c02 = Vector512.FusedMultiplyAdd(a, y2, c02);
            c03 = Vector512.FusedMultiplyAdd(a, y3, c03);
            a = Vector512.Create(x[xRow]);
            c10 = Vector512.FusedMultiplyAdd(a, y0, c10);
            c11 = Vector512.FusedMultiplyAdd(a, y1, c11);
            c12 = Vector512.FusedMultiplyAdd(a, y2, c12);
            c13 = Vector512.FusedMultiplyAdd(a, y3, c13);
            a = Vector512.Create(x[2 * xRow]);
            c20 = Vector512.FusedMultiplyAdd(a, y0, c20);
            c21 = Vector512.FusedMultiplyAdd(a, y1, c21);
            c22 = Vector512.FusedMultiplyAdd(a, y2, c22);
            c23 = Vector512.FusedMultiplyAdd(a, y3, c23);
            a = Vector512.Create(x[3 * xRow]);
            c30 = Vector512.FusedMultiplyAdd(a, y0, c30);
            c31 = Vector512.FusedMultiplyAdd(a, y1, c31);
            c32 = Vector512.FusedMultiplyAdd(a, y2, c32);
            c33 = Vector512.FusedMultiplyAdd(a, y3, c33);
            a = Vector512.Create(x[4 * xRow]);
            c40 = Vector512.FusedMultiplyAdd(a, y0, c40);
            c41 = Vector512.FusedMultiplyAdd(a, y1, c41);
            c42 = Vector512.FusedMultiplyAdd(a, y2, c42);
            c43 = Vector512.FusedMultiplyAdd(a, y3, c43);
            a = Vector512.Create(x[5 * xRow]);
            c50 = Vector512.FusedMultiplyAdd(a, y0, c50);
            c51 = Vector512.FusedMultiplyAdd(a, y1, c51);
            c52 = Vector512.FusedMultiplyAdd(a, y2, c52);
            c53 = Vector512.FusedMultiplyAdd(a, y3, c53);
            x += xColumn;
            y += yRow;
        }

        Store64(c, c00, c01, c02, c03);
        Store64(c + cRow, c10, c11, c12, c13);
        Store64(c + (2 * cRow), c20, c21, c22, c23);
        Store64(c + (3 * cRow), c30, c31, c32, c33);
        Store64(c + (4 * cRow), c40, c41, c42, c43);
        Store64(c + (5 * cRow), c50, c51, c52, c53);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block6x32(
        float* x, int xRow, int xColumn, float* y, int yRow, float* c, int cRow, int inner, bool accumulate)
    {
        Vector512<float> c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51;
        if (accumulate)
        {
            (c00, c01) = (Vector512.Load(c), Vector512.Load(c + 16));
            (c10, c11) = (Vector512.Load(c + cRow), Vector512.Load(c + cRow + 16));
            (c20, c21) = (Vector512.Load(c + (2 * cRow)), Vector512.Load(c + (2 * cRow) + 16));
            (c30, c31) = (Vector512.Load(c + (3 * cRow)), Vector512.Load(c + (3 * cRow) + 16));
            (c40, c41) = (Vector512.Load(c + (4 * cRow)), Vector512.Load(c + (4 * cRow) + 16));
            (c50, c51) = (Vector512.Load(c + (5 * cRow)), Vector512.Load(c + (5 * cRow) + 16));
        }
        else
        {
            c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = Vector512<float>.Zero;
        }

        for (int k = 0; k < inner; k++)
        {
            Vector512<float> y0 = Vector512.Load(y);
            Vector512<float> y1 = Vector512.Load(y + 16);
            Vector512<float> a = Vector512.Create(x[0]);
            c00 = Vector512.FusedMultiplyAdd(a, y0, c00);
            c01 = Vector512.FusedMultiplyAdd(a, y1, c01);
            a = Vector512.Create(x[xRow]);
            c10 = Vector512.FusedMultiplyAdd(a, y0, c10);
            c11 = Vector512.FusedMultiplyAdd(a, y1, c11);
            a = Vector512.Create(x[2 * xRow]);
            c20 = Vector512.FusedMultiplyAdd(a, y0, c20);
            c21 = Vector512.FusedMultiplyAdd(a, y1, c21);
            a = Vector512.Create(x[3 * xRow]);
            c30 = Vector512.FusedMultiplyAdd(a, y0, c30);
            c31 = Vector512.FusedMultiplyAdd(a, y1, c31);
            a = Vector512.Create(x[4 * xRow]);
            c40 = Vector512.FusedMultiplyAdd(a, y0, c40);
            c41 = Vector512.FusedMultiplyAdd(a, y1, c41);
            a = Vector512.Create(x[5 * xRow]);
            c50 = Vector512.FusedMultiplyAdd(a, y0, c50);
            c51 = Vector512.FusedMultiplyAdd(a, y1, c51);
            x += xColumn;
            y += yRow;
        }

        c00.Store(c);
        c01.Store(c + 16);
        c10.Store(c + cRow);
        c11.Store(c + cRow + 16);
        c20.Store(c + (2 * cRow));
        c21.Store(c + (2 * cRow) + 16);
        c30.Store(c + (3 * cRow));
        c31.Store(c + (3 * cRow) + 16);
        c40.Store(c + (4 * cRow));
        c41.Store(c + (4 * cRow) + 16);
        c50.Store(c + (5 * cRow));
        c51.Store(c + (5 * cRow) + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row64(float* x, int xColumn, float* y, int yRow, float* c, int inner, bool accumulate)
    {
        Vector512<float> c0 = Vector512<float>.Zero;
        Vector512<float> c1 = c0;
        Vector512<float> c2 = c0;
        Vector512<float> c3 = c0;
        if (accumulate)
        {
            (c0, c1, c2, c3) = Load64(c);
        }

        for (int k = 0; k < inner; k++)
        {
            Vector512<float> a = Vector512.Create(x[0]);
            c0 = Vector512.FusedMultiplyAdd(a, Vector512.Load(y), c0);
            c1 = Vector512.FusedMultiplyAdd(a, Vector512.Load(y + 16), c1);
            c2 = Vector512.FusedMultiplyAdd(a, Vector512.Load(y + 32), c2);
            c3 = Vector512.FusedMultiplyAdd(a, Vector512.Load(y + 48), c3);
            x += xColumn;
            y += yRow;
        }

        Store64(c, c0, c1, c2, c3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row16(float* x, int xColumn, float* y, int yRow, float* c, int inner, bool accumulate)
    {
        Vector512<float> c0 = accumulate ? Vector512.Load(c) : Vector512<float>.Zero;
        for (int k = 0; k < inner; k++)
        {
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(x[0]), Vector512.Load(y), c0);
            x += xColumn;
            y += yRow;
        }

        c0.Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> First, Vector512<float> Second, Vector512<float> Third, Vector512<float> Fourth) Load64(float* c) =>
        (Vector512.Load(c), Vector512.Load(c + 16), Vector512.Load(c + 32), Vector512.Load(c + 48));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store64(float* c, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3)
    {
        c0.Store(c);
        c1.Store(c + 16);
        c2.Store(c + 32);
        c3.Store(c + 48);
    }
}
