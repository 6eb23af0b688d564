using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Data;

public sealed class SyntheticDeviceCloudTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Test]
    public void Events_SameSeed_SameLogAndOtherSeedAnother()
    {
        string first = Fingerprint(new SyntheticDeviceCloud.Options { NumberOfUsers = 50 });

        Assert.That(Fingerprint(new SyntheticDeviceCloud.Options { NumberOfUsers = 50 }), Is.EqualTo(first));
        Assert.That(Fingerprint(new SyntheticDeviceCloud.Options { NumberOfUsers = 50, Seed = 2 }), Is.Not.EqualTo(first));
    }

    [Test]
    public void CreateLog_Default_IsATrainableLogThatAGlobalCutSpans()
    {
        SyntheticDeviceCloud data = new();
        IDataView log = data.CreateLog(_ml);
        PeriodSplit split = InteractionSplit.ByPeriods(log, data.Columns);

        Assert.That(log.Schema.Select(column => column.Name), Is.EqualTo(new[] { "UserId", "ItemId", "Timestamp", "Profile" }));
        Assert.That(((VectorDataViewType)log.Schema["Profile"].Type).Size, Is.EqualTo(6));
        Assert.That(data.Events, Has.Count.InRange(25_000, 40_000));
        Assert.That(split.Cut, Is.EqualTo(PeriodCut.Global));
        Assert.That(split.NumberOfSpanningUsers, Is.AtLeast(760), "of 800");
        Assert.That(split.Cloud.GetColumn<long>("Timestamp").Max(), Is.LessThan(data.DeviceStart));
        Assert.That(split.Device.GetColumn<long>("Timestamp").Min(), Is.EqualTo(data.DeviceStart));
        Assert.That(data.Events.DistinctBy(row => (row.UserId, row.ItemId)).Count(), Is.EqualTo(data.Events.Count), "nobody takes an item twice");
    }

    [TestCase(true, 0, new[] { "UserId", "ItemId", "Timestamp", "Label" })]
    [TestCase(false, 0, new[] { "UserId", "ItemId", "Timestamp" })]
    [TestCase(true, 3, new[] { "UserId", "ItemId", "Timestamp", "Label", "Profile" })]
    public void CreateLog_LabelsAndProfiles_AreThereOnRequest(bool withLabels, int profileDimension, string[] expected)
    {
        SyntheticDeviceCloud data = new(new() { NumberOfUsers = 20, WithLabels = withLabels, ProfileDimension = profileDimension });

        Assert.That(data.CreateLog(_ml).Schema.Select(column => column.Name), Is.EqualTo(expected));
        Assert.That(ReadLog(data).HasLabels, Is.EqualTo(withLabels));
        Assert.That(ReadLog(data).ProfileDimension, Is.EqualTo(profileDimension));
    }

    [Test]
    public void Events_UserActivity_FollowsThePowerLaw()
    {
        SyntheticDeviceCloud data = new(new() { NumberOfUsers = 1000, NumberOfItems = 600, MeanNumberOfEvents = 30 });
        int[] activity = [.. data.Events.GroupBy(row => row.UserId).Select(own => own.Count())];

        // P(more than n) = (10 / n)^1.5 from the minimum 30 / 3 = 10, and rounding; four standard errors of 0.015 and 0.0064.
        Assert.That(activity.Min(), Is.EqualTo(10));
        Assert.That(activity.Count(count => count > 20) / 1000.0, Is.EqualTo(Math.Pow(10 / 20.5, 1.5)).Within(0.06));
        Assert.That(activity.Count(count => count > 80) / 1000.0, Is.EqualTo(Math.Pow(10 / 80.5, 1.5)).Within(0.026));
    }

    [Test]
    public void Events_ItemPopularity_FollowsThePowerLaw()
    {
        // Nothing but popularity, and one event a user, since nobody takes an item twice.
        SyntheticDeviceCloud data = new(new()
        {
            NumberOfUsers = 20_000,
            NumberOfItems = 300,
            MeanNumberOfEvents = 1,
            UserExponent = 50,
            ItemExponent = 0.8,
            TasteStrength = 0,
            ShortTermStrength = 0,
            ResidualStrength = 0,
            PopularityDrift = 0,
        });
        double[] shares = [.. data.Events.GroupBy(row => row.ItemId).Select(own => own.Count() / 20_000.0).OrderDescending()];
        double[] law = [.. Enumerable.Range(1, 300).Select(rank => Math.Pow(rank, -0.8))];

        // Four standard errors, at most sqrt(0.25 / 20,000), and 0.01 for the order being that of the counts themselves.
        foreach (int head in new[] { 1, 10, 100 })
        {
            Assert.That(shares.Take(head).Sum(), Is.EqualTo(law.Take(head).Sum() / law.Sum()).Within(0.0142 + 0.01), $"the first {head}");
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Events_DevicePeriod_FollowTheTruthWithItsResidual(bool withLabels)
    {
        SyntheticDeviceCloud data = new(new() { WithLabels = withLabels, NumberOfUsers = 300, ShortTermStrength = 0 });
        SyntheticDeviceCloud none = new(new() { WithLabels = withLabels, NumberOfUsers = 300, ShortTermStrength = 0, ResidualStrength = 0 });

        (double with, double without) = MeanAuc(data);
        (double withNone, double withoutNone) = MeanAuc(none);

        // 300 users' mean AUC, each with standard deviation below 0.2, has a standard error below 0.012: differences of 0.05 are four.
        Assert.That(with, Is.GreaterThan(without + 0.05), "the residual is planted");
        Assert.That(withNone, Is.EqualTo(withoutNone).Within(1e-12), "nothing is planted");
        Assert.That(with, Is.GreaterThan(0.8));
    }

    [Test]
    public void Labels_Taken_HaveTheTruthsProbability()
    {
        SyntheticDeviceCloud data = new(new() { WithLabels = true, NumberOfUsers = 400 });
        double taken = 0;
        double expected = 0;
        double variance = 0;
        foreach (IGrouping<string, SyntheticEvent> own in data.Events.GroupBy(row => row.UserId))
        {
            string? previous = null;
            foreach (SyntheticEvent row in own)
            {
                double probability = 1 / (1 + Math.Exp(-data.GetTrueLogit(row.UserId, row.ItemId, row.Timestamp, previous)));
                taken += row.Label ? 1 : 0;
                expected += probability;
                variance += probability * (1 - probability);
                previous = row.Label ? row.ItemId : previous;
            }
        }

        Assert.That(taken, Is.EqualTo(expected).Within(4 * Math.Sqrt(variance)));
        Assert.That(taken / data.Events.Count, Is.InRange(0.35, 0.65), "both classes are common");
    }

    [TestCase(0.0)]
    [TestCase(0.3)]
    [TestCase(1.0)]
    public void Residual_FromProfile_HasTheShareAskedFor(double share)
    {
        SyntheticDeviceCloud.Options options = new() { NumberOfUsers = 4000, ProfileShare = share, ResidualRank = 1 };
        SyntheticTruth truth = new(options, new SeededRandom(7));
        double[] cloud = [.. Enumerable.Range(0, 4000).Select(user => truth.Residual(user, isDevicePeriod: false)[0])];
        double[] device = [.. Enumerable.Range(0, 4000).Select(user => truth.Residual(user, isDevicePeriod: true)[0])];

        // Profiles are independent standard normal, so that the squared correlations with each value add up to R squared.
        double explained = Enumerable.Range(0, 6).Sum(i => Math.Pow(Correlation(cloud, [.. truth.Profiles.Select(profile => profile[i])]), 2));

        // Standard errors: R squared 2 sqrt(share) (1 - share) / sqrt(n), with six chance correlations of 1 / n each, below
        // 0.014; standard deviation 1.5 / sqrt(2 n) = 0.017; correlation below 1 / sqrt(n) = 0.016. With share 1 there are only
        // twelve profile weights, and the correlation of the periods is whatever these give.
        Assert.That(explained, Is.EqualTo(share).Within(share == 1 ? 0.1 : 0.06));
        Assert.That(Math.Sqrt(cloud.Average(value => value * value)), Is.EqualTo(1.5).Within(0.07));
        if (share == 0)
        {
            Assert.That(Correlation(cloud, device), Is.EqualTo(0.3).Within(0.064), "1 - ResidualDrift");
        }
    }

    [TestCase("u0", "i1", "The id must be one of u1 to u20, but is 'u0'. (Parameter 'userId')")]
    [TestCase("u1", "i401", "The id must be one of i1 to i400, but is 'i401'. (Parameter 'itemId')")]
    [TestCase("x", "i1", "The id must be one of u1 to u20, but is 'x'. (Parameter 'userId')")]
    public void GetTrueLogit_UnknownId_SaysWhichThereAre(string userId, string itemId, string message)
        => Assert.That(
            () => new SyntheticDeviceCloud(new() { NumberOfUsers = 20 }).GetTrueLogit(userId, itemId, 0, null),
            Throws.ArgumentException.With.Message.EqualTo(message));

    [Test]
    public void Options_Impossible_AreAllNamed()
        => Assert.That(
            () => new SyntheticDeviceCloud(new() { NumberOfUsers = 0, UserExponent = 1, ProfileShare = 1.5, ResidualDrift = double.NaN }),
            Throws.ArgumentException.With.Message.EqualTo(
                "The options of the synthetic data are out of range. NumberOfUsers must be at least 1, but is 0. "
                + "UserExponent must be at least 1.1, but is 1. ProfileShare must be between 0 and 1, but is 1.5. "
                + "ResidualDrift must be between 0 and 1, but is NaN."));

    private static string Fingerprint(SyntheticDeviceCloud.Options options) => ReadLog(new SyntheticDeviceCloud(options)).ComputeFingerprint();

    private static InteractionLog ReadLog(SyntheticDeviceCloud data)
    {
        MLContext ml = new(seed: 1);
        IDataView log = data.CreateLog(ml);
        IDataView mapped = ml.Transforms.Conversion.MapValueToKey("User", "UserId")
            .Append(ml.Transforms.Conversion.MapValueToKey("Item", "ItemId")).Fit(log).Transform(log);
        return InteractionLog.Read(mapped, data.Columns with { UserColumnName = "User", ItemColumnName = "Item" });
    }

    // Of the device period's events: taken against refused or, without labels, taken against all items never taken.
    private static (double With, double Without) MeanAuc(SyntheticDeviceCloud data)
    {
        List<(double, double)> aucs = [];
        foreach (IGrouping<string, SyntheticEvent> own in data.Events.GroupBy(row => row.UserId))
        {
            SyntheticEvent[] device = [.. own.Where(row => row.Timestamp >= data.DeviceStart)];
            string[] positives = [.. device.Where(row => row.Label).Select(row => row.ItemId)];
            string[] negatives = device.All(row => row.Label)
                ? [.. Enumerable.Range(1, 400).Select(SyntheticDeviceCloud.GetItemId).Except(own.Select(row => row.ItemId))]
                : [.. device.Where(row => !row.Label).Select(row => row.ItemId)];
            if (positives.Length > 0 && negatives.Length > 0)
            {
                aucs.Add((Auc(withResidual: true), Auc(withResidual: false)));
            }

            double Auc(bool withResidual)
            {
                double[] high = Array.ConvertAll(positives, Logit);
                double[] low = Array.ConvertAll(negatives, Logit);
                return high.Average(value => low.Average(other => value > other ? 1.0 : 0.0));

                double Logit(string itemId) => data.GetTrueLogit(own.Key, itemId, data.DeviceStart, null, withResidual);
            }
        }

        return (aucs.Average(auc => auc.Item1), aucs.Average(auc => auc.Item2));
    }

    private static double Correlation(double[] x, double[] y)
    {
        double meanX = x.Average();
        double meanY = y.Average();
        double covariance = x.Zip(y, (a, b) => (a - meanX) * (b - meanY)).Sum();
        return covariance / Math.Sqrt(x.Sum(a => (a - meanX) * (a - meanX)) * y.Sum(b => (b - meanY) * (b - meanY)));
    }
}
