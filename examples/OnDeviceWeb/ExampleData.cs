using DCCL.ML.Data;

namespace OnDeviceWeb;

/// <summary>What the example's people chose: built-in data, the same in every run.</summary>
internal static class ExampleData
{
    public static SyntheticDeviceCloud Create() => new(new SyntheticDeviceCloud.Options
    {
        NumberOfUsers = 400,
        NumberOfItems = 240,
        MeanNumberOfEvents = 50,
        ItemExponent = 0.4,
        TasteRank = 3,
        ShortTermStrength = 0.4,
        ResidualRank = 2,
        ResidualStrength = 3,
        ResidualDrift = 0,
        PopularityDrift = 0.2,
        ProfileDimension = 4,
        ProfileShare = 0.9,
        Seed = 5,
    });
}
