using DCCL.ML.Data;

namespace OnDevice;

/// <summary>What the example's people did: built-in data, the same in every run.</summary>
internal static class ExampleData
{
    public static SyntheticDeviceCloud Create() => new(new SyntheticDeviceCloud.Options
    {
        NumberOfUsers = 200,
        NumberOfItems = 300,
        MeanNumberOfEvents = 80,
        ResidualStrength = 3,
        ProfileDimension = 0,
        WithLabels = true,
        Seed = 3,
    });
}
