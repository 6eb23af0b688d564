using Microsoft.ML;

namespace DCCL.ML.Data;

/// <summary>A log without each user's last two events, and these.</summary>
/// <param name="Training">All other events, all events of users with fewer than three, and the rows without a user.</param>
/// <param name="Validation">The last but one event of each user.</param>
/// <param name="Test">The last event of each user.</param>
/// <param name="NumberOfShortUsers">The users with fewer than three events.</param>
/// <param name="NumberOfUsers">The users with events.</param>
/// <remarks>The parts are lazy views: they read the log again, and keep its order, columns and row ids.</remarks>
public sealed record LeaveLastOutSplit(
    IDataView Training, IDataView Validation, IDataView Test, int NumberOfShortUsers, int NumberOfUsers);
