using Microsoft.ML;

namespace DCCL.ML.Data;

/// <summary>A log cut into three periods.</summary>
/// <param name="Cloud">What the cloud model learns from, and the rows without a user.</param>
/// <param name="Device">What devices have learnt from since.</param>
/// <param name="Test">What comes after both.</param>
/// <param name="Cut">How it was cut: <see cref="PeriodCut.Global"/> or <see cref="PeriodCut.PerUser"/>, never Auto.</param>
/// <param name="NumberOfSpanningUsers">The users with events in the cloud period and after it.</param>
/// <param name="NumberOfUsers">The users with events.</param>
/// <remarks>The parts are lazy views: they read the log again, and keep its order, columns and row ids.</remarks>
public sealed record PeriodSplit(
    IDataView Cloud, IDataView Device, IDataView Test, PeriodCut Cut, int NumberOfSpanningUsers, int NumberOfUsers);
