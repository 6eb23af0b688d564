namespace DCCL.ML.Model;

/// <summary>The metapatches of all users of a model, in one flat table.</summary>
/// <remarks>
/// Immutable and thread-safe. Users are key values from 1 to <see cref="NumberOfUsers"/>; a user whose key is larger, or 0,
/// has no patch. The patches fit only the model version they were learnt on.
/// </remarks>
public sealed class UserPatches
{
    private readonly float[] _values;
    private readonly PatchStatus[] _statuses;

    /// <summary>Creates the table.</summary>
    /// <param name="patchSize">The length of each patch, <c>d</c>.</param>
    /// <param name="values">The patches of users 1, 2, ..., one after the other; owned by the table from now on.</param>
    /// <param name="statuses">
    /// One status per user: <see cref="PatchStatus.Patched"/>, <see cref="PatchStatus.Gated"/> or <see cref="PatchStatus.Cloud"/>
    /// (never trained); owned by the table from now on.
    /// </param>
    /// <exception cref="ArgumentException">The lengths disagree, a value is not finite, or an unpatched user's patch is not zero.</exception>
    public UserPatches(int patchSize, float[] values, PatchStatus[] statuses)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(statuses);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(patchSize);
        if (values.Length != (long)patchSize * statuses.Length)
        {
            throw new ArgumentException(
                $"{statuses.Length} patches of size {patchSize} must have {(long)patchSize * statuses.Length} values, but there are {values.Length}.",
                nameof(values));
        }

        for (int user = 1; user <= statuses.Length; user++)
        {
            PatchStatus status = statuses[user - 1];
            ReadOnlySpan<float> patch = values.AsSpan((user - 1) * patchSize, patchSize);
            if (status is not (PatchStatus.Patched or PatchStatus.Gated or PatchStatus.Cloud))
            {
                throw new ArgumentException($"The status of user {user} must be Patched, Gated or Cloud, but is {status}.", nameof(statuses));
            }

            foreach (float value in patch)
            {
                if (!float.IsFinite(value) || (status != PatchStatus.Patched && value != 0))
                {
                    throw new ArgumentException(
                        $"The patch of user {user} ({status}) must be {(status == PatchStatus.Patched ? "finite" : "zero")}, but holds {value}.",
                        nameof(values));
                }
            }
        }

        PatchSize = patchSize;
        _values = values;
        _statuses = statuses;
    }

    /// <summary>Gets <c>d</c>, the length of each patch.</summary>
    public int PatchSize { get; }

    /// <summary>Gets the number of users the table has a row for.</summary>
    public int NumberOfUsers => _statuses.Length;

    /// <summary>Gets the number of users with a patch of their own.</summary>
    public int NumberOfPatchedUsers => _statuses.Count(status => status == PatchStatus.Patched);

    /// <summary>Gets a user's patch: zeros unless the user's status is <see cref="PatchStatus.Patched"/>.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    public ReadOnlySpan<float> this[int user]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(user, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(user, NumberOfUsers);
            return _values.AsSpan((user - 1) * PatchSize, PatchSize);
        }
    }

    /// <summary>Gets what a user has: <see cref="PatchStatus.Patched"/>, <see cref="PatchStatus.Gated"/> or <see cref="PatchStatus.Cloud"/>.</summary>
    /// <param name="user">The user's key value; <see cref="PatchStatus.Cloud"/> for users outside the table.</param>
    /// <returns>The status.</returns>
    public PatchStatus GetStatus(int user) => user >= 1 && user <= NumberOfUsers ? _statuses[user - 1] : PatchStatus.Cloud;

    /// <summary>Creates a table in which nobody has a patch.</summary>
    /// <param name="numberOfUsers">The number of users.</param>
    /// <param name="patchSize">The length of each patch.</param>
    /// <returns>The table.</returns>
    public static UserPatches CreateEmpty(int numberOfUsers, int patchSize)
    {
        PatchStatus[] statuses = new PatchStatus[numberOfUsers];
        Array.Fill(statuses, PatchStatus.Cloud);
        return new UserPatches(patchSize, new float[checked(numberOfUsers * patchSize)], statuses);
    }
}
