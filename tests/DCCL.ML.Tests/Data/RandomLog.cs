using CsCheck;
using DCCL.ML.Data;

namespace DCCL.ML.Tests.Data;

/// <summary>A random log in log order, with many ties in time.</summary>
internal sealed record RandomLog((int User, int Item, double Timestamp, bool Label)[] Rows)
{
    public const int NumberOfUsers = 6;
    public const int NumberOfItems = 9;

    public static Gen<RandomLog> Gen { get; } = CsCheck.Gen.Select(
            CsCheck.Gen.Int[0, NumberOfUsers], CsCheck.Gen.Int[0, NumberOfItems], CsCheck.Gen.Int[0, 12].Select(time => (double)time), CsCheck.Gen.Bool)
        .Array[1, 80].Select(rows => new RandomLog(rows));

    public InteractionLog Create(bool withLabels = true, bool withTimestamps = true) => InteractionLog.Create(
        NumberOfUsers,
        NumberOfItems,
        [.. Rows.Select(row => row.User)],
        [.. Rows.Select(row => row.Item)],
        withTimestamps ? [.. Rows.Select(row => row.Timestamp)] : null,
        withLabels ? [.. Rows.Select(row => row.Label)] : null);

    /// <summary>The definition: LINQ's OrderBy is stable.</summary>
    public (int User, int Item, double Timestamp, bool Label)[] Expected(int user)
        => [.. Rows.Where(row => row.User == user && row.Item != 0).OrderBy(row => row.Timestamp)];

    public override string ToString() => string.Join(" ", Rows);
}
