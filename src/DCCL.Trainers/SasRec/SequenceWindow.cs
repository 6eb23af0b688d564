namespace DCCL.Trainers.SasRec;

/// <summary>A stretch of a user's sequence: each of its events is to be foreseen from those before it in the window, and from the one before the window.</summary>
/// <param name="User">The user's key value.</param>
/// <param name="First">The index of the first event to foresee, at least 1.</param>
/// <param name="Length">The number of events to foresee.</param>
internal readonly record struct SequenceWindow(int User, int First, int Length);
