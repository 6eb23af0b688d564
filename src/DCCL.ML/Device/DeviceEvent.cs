namespace DCCL.ML.Device;

/// <summary>What the owner of a device did with an item.</summary>
/// <param name="ItemId">The raw id of the item.</param>
/// <param name="Time">When, on any scale that rises.</param>
/// <param name="IsPositive">Whether the owner chose it; false for an item that was shown and refused.</param>
/// <param name="IsKnownToCloud">
/// Whether the cloud model was trained with it: it stands in the history, but a patch that learnt from it would over-fit.
/// </param>
/// <param name="IsLearnt">Whether the patch has learnt from it.</param>
public sealed record DeviceEvent(string ItemId, double Time, bool IsPositive = true, bool IsKnownToCloud = false, bool IsLearnt = false);
